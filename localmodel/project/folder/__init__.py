"""A folder as a deployment: what its names and files say, which of them are code, and the files that it lacks."""

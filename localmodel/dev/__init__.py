"""Watching the files that a deployment is made from, and updating it at each save."""

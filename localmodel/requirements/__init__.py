"""Package requirements: how they are read, and where packages come from."""

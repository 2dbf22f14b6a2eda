"""Requirements of packages: the one reader, and where packages come from."""

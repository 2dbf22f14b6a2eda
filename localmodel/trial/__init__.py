"""A script in an environment, without a server: lmd try and lmd run."""

"""Environments: an entry script's packages, the lock that they resolve to, and what is built from it."""

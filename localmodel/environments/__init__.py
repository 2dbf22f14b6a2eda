"""Environments: what an entry script's packages are, the lock they resolve to, and what is built from it."""

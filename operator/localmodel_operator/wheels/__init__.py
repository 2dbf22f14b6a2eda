"""Wheels of packages that come as source only: each is built by a Job in the namespace that needs it."""

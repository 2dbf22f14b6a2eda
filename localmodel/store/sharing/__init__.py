"""Moves versions between stores: archives and registries."""

"""Versions of the store on their way: archives and registries."""

"""Reads what others wrote: standard library only, for the library on this machine and the server in the image."""

# The version of the project: this is the package that both the library and the scoring image contain.
__version__ = "0.2.0"

"""Puts a debugger into a worker of a running deployment: sends debugpy, switches to a worker with it, and back."""

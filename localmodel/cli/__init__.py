"""The command `lmd`."""

from localmodel.cli.app import main

__all__ = ["main"]

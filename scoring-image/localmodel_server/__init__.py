"""The HTTP process of the scoring image: it never runs user code."""

__version__ = "0.1.0"

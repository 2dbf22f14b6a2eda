"""The HTTP process of the scoring image: it never runs user code."""

from localmodel_untrusted import __version__ as __version__

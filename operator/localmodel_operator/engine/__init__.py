"""Everything that talks to Docker: building environments, reading their layers, reaching kind's nodes."""

from localmodel_operator.engine.client import Engine

__all__ = ["Engine"]

"""Generates what serves a model without a script from the model's files, which are read and never run."""

from localmodel.no_code.kinds import is_model, scoring
from localmodel.no_code.scoring import Scoring

__all__ = ["Scoring", "is_model", "scoring"]

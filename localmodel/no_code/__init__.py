"""Generates what serves a model without a script from the model's files, which are read and never run."""

from localmodel.no_code.generated import Scoring
from localmodel.no_code.kinds import is_model, is_model_name, scoring

__all__ = ["Scoring", "is_model", "is_model_name", "scoring"]

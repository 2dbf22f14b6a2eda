"""The generated files that serve a model without a script."""

from collections.abc import Mapping
from dataclasses import dataclass

from localmodel.resource.spec import EnvironmentSpec

ENTRY = "score.py"


@dataclass(frozen=True)
class Scoring:
    """The files, environment and sample request for a model; the same model always has the same.

    Attributes:
        flavor: the kind of model, such as `sklearn`, `onnx` or `mlflow.pyfunc`.
        entry: the entry script, one of `files`.
        files: the code by path; a start for a script of one's own.
        environment: the Python and the requirements, with the versions that the model names.
        request: the body of a sample request, or None if the model does not describe its inputs.
        notes: sentences on what the model does not say.
    """

    flavor: str
    entry: str
    files: Mapping[str, bytes]
    environment: EnvironmentSpec
    request: bytes | None
    notes: tuple[str, ...] = ()

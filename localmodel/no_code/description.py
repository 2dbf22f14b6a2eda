"""The description of a model of any kind, from which its script and environment are generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel.no_code.inputs import Inputs
from localmodel.no_code.params import Parameter


@dataclass(frozen=True)
class Loading:
    """How a script loads and calls the model, in lines of Python.

    Attributes:
        imports: the lines that import what `load` and `answer` need.
        load: the lines that load `model` from the file `path`.
        answer: the expression for the answer to `data`, as JSON values.
        functions: the functions that `answer` calls.
        method: the method of `model` that is `predict` in `answer`, or "" if there is no choice.
    """

    imports: tuple[str, ...]
    load: tuple[str, ...]
    answer: str
    functions: str = ""
    method: str = ""


@dataclass(frozen=True)
class Description:
    """A model that can be served without a script.

    Attributes:
        flavor: the kind of model.
        file: its path below AZUREML_MODEL_DIR.
        loading: how a script loads and calls it.
        inputs: what it takes.
        requirements: the packages that it needs, without those of the schema.
        python: the Python to serve it with.
        code: a folder below AZUREML_MODEL_DIR with modules that it needs, or "".
        request: its own sample request, or None.
        notes: what the user should know about it.
        outputs: samples of its answers by method, "" for the only one; empty if they are not known.
        parameters: what a request may give beside the data.
    """

    flavor: str
    file: str
    loading: Loading
    inputs: Inputs
    requirements: tuple[str, ...]
    python: str
    code: str = ""
    request: bytes | None = None
    notes: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()

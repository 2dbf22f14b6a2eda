"""What was read of a model, whatever kind it is: its script and its environment are made from this."""

from __future__ import annotations

from dataclasses import dataclass

from localmodel.no_code.inputs import Inputs


@dataclass(frozen=True)
class Loading:
    """How a script loads the model and asks it, in lines of Python.

    Attributes:
        imports: the lines that import what `load` and `answer` need.
        load: the lines that make `model` of the file `path`.
        answer: the expression for the answer to `data`, as JSON has it.
        functions: the functions that `answer` calls.
        method: the method of `model` that is `predict` in `answer`; "" where there is nothing to choose.
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
        flavor: what kind of model it is.
        file: its path below AZUREML_MODEL_DIR.
        loading: how a script loads and asks it.
        inputs: what it takes.
        requirements: the packages that it needs, without those of the schema.
        python: the Python to serve it with.
        code: a folder of modules that it needs, below AZUREML_MODEL_DIR; "" for none.
        request: its own sample request; None where it has none.
        notes: what a user should know of it.
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

"""Generates the entry script of a model, short and plain, because users start their own from it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from localmodel.no_code import params
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.inputs import Untyped
from localmodel.no_code.outputs import OutputSchema, of_samples
from localmodel.no_code.run_schema import RunSchema, of_inputs
from localmodel.no_code.source import quoted

_STANDARD_LIBRARY = {"import json", "import os", "import pickle", "import sys", "from pathlib import Path"}


def write(model: Description, name: str) -> str:
    """The text of the script for the deployment of this name."""
    schema = of_inputs(model.inputs)
    output = OutputSchema() if isinstance(model.inputs, Untyped) else of_samples(model.outputs)
    parts = [
        *_constants(model.loading, output),
        *(text.strip("\n") for text in (model.loading.functions, schema.functions) if text),
        *([params.functions(model.parameters).rstrip()] if model.parameters else []),
        _init(model),
        *([schema.sample] if schema.sample else []),
        _run(model, schema, output),
        *([output.after] if output.after else []),
    ]
    body = "\n\n\n".join(parts)
    imports = {"import os", "from pathlib import Path", "import numpy as np", *model.loading.imports, *schema.imports}
    imports.update(output.imports)
    if model.parameters:
        imports.update([*params.IMPORTS, *(params.DECORATOR_IMPORTS if schema.decorators else ())])
    if model.code:
        imports.add("import sys")
    head = f'"""Serves {_words(name)}: the model {_words(model.file)} ({model.flavor})."""'
    return f"{head}\n\n{_ordered(imports, body)}\n\n\n{body}\n"


def _constants(loading: Loading, output: OutputSchema) -> list[str]:
    lines = [output.sample] if output.sample else []
    if loading.method:
        lines.insert(0, f'METHOD = os.environ.get("PREDICT_METHOD", {quoted(loading.method)})')
    return ["\n".join(lines)] if lines else []


def _init(model: Description) -> str:
    loading = model.loading
    lines = [f"global {'predict' if loading.method else 'model'}", 'folder = Path(os.environ["AZUREML_MODEL_DIR"])']
    if model.code:
        lines.append(f"sys.path.insert(0, str(folder / {quoted(model.code)}))")
    lines += [f"path = folder / {quoted(model.file)}", *loading.load]
    if loading.method:
        lines.append("predict = getattr(model, METHOD)")
    return "\n    ".join(["def init():", *lines])


def _run(model: Description, schema: RunSchema, output: OutputSchema) -> str:
    arguments, lines, decorators = [*schema.parameters], [*schema.lines], [*schema.decorators]
    if model.parameters and schema.decorators:
        arguments.append("params=None")
        lines = [*params.LINES, *lines]
        decorators.append(params.DECORATOR)
    elif model.parameters:
        lines += ['params = body.get("params") if isinstance(body, dict) else None', *params.LINES]
    text = "\n    ".join([f"def run({', '.join(arguments)}):", *lines, f"return {model.loading.answer}"])
    return "\n".join([*decorators, *output.decorators, text])


def _ordered(imports: Iterable[str], text: str) -> str:
    """The import lines in the usual order, without unused aliases, and one for each module."""
    lines = [line for line in imports if " as " not in line or re.search(rf"\b{line.split()[-1]}\.", text)]
    names: dict[str, list[str]] = {}
    for line in sorted(line for line in lines if line.startswith("from")):
        module, _, name = line.partition(" import ")
        names.setdefault(module, []).append(name)
    lines = sorted(line for line in lines if not line.startswith("from"))
    lines += [f"{module} import {', '.join(several)}" for module, several in names.items()]
    standard = [line for line in lines if line in _STANDARD_LIBRARY]
    return "\n".join([*standard, "", *(line for line in lines if line not in _STANDARD_LIBRARY)]).rstrip()


def _words(name: str) -> str:
    """A name in the words of a docstring."""
    return re.sub(r'["\\]', "_", name if name.isprintable() else ascii(name)[1:-1])

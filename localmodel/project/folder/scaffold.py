"""The files that a folder lacks to be deployed: lmd.toml, script, requirements, sample request and gate."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localmodel import no_code, pickles
from localmodel.environments import choice
from localmodel.errors import UserError
from localmodel.imports.missing import additions, missing
from localmodel.imports.needs import Pickled
from localmodel.no_code import Scoring, refusal
from localmodel.project.folder import beside
from localmodel.project.place import SCRIPT, SETTINGS

_TEMPLATE = '''"""Scoring script: init() is called once, run() for each request."""

import json
import shlex
import os


def init() -> None:
    global model_dir
    model_dir = os.environ.get("AZUREML_MODEL_DIR", "")  # load the model from this folder


def run(raw_data: str) -> object:
    data = json.loads(raw_data)["data"]
    return {"predictions": data}  # let the model answer
'''
_REQUEST = b'{"data": []}\n'


@dataclass(frozen=True)
class Scaffold:
    """Files by name that are not in the folder yet, and notes on them."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


def scaffold(folder: Path, name: str, model: str | None = None) -> Scaffold:
    """What the folder lacks to be deployed as `name`; what is there is used, and stays.

    `model` is the file in it that is to be served; else all models in it are.

    Raises:
        UserError: ModelUnreadable.
    """
    models = [model] if model else sorted(path.name for path in folder.glob("[!.]*") if no_code.is_model(path))
    has_script = (folder / SCRIPT).is_file()
    scoring, notes = (None, ()) if has_script else _generated(folder, models, name)
    files = dict(scoring.files) if scoring else {} if has_script else {SCRIPT: _TEMPLATE.encode()}
    has_environment = any((folder / file).is_file() for file in choice.PACKAGES)
    if not has_environment:
        packages = scoring.environment.requirements if scoring else _required(folder, files, models)
        files["requirements.txt"] = "".join(f"{line}\n" for line in packages).encode()
    if scoring and scoring.request:
        files[beside.REQUEST] = scoring.request
    elif not scoring and not has_script:
        files[beside.REQUEST] = _REQUEST
    own = folder / beside.REQUEST
    if request := own.read_bytes() if own.is_file() else files.get(beside.REQUEST):
        files[beside.GATE] = _gate(request)
    python = scoring.environment.python if scoring and not has_environment else ""
    files[SETTINGS] = _settings(name, models, python)
    new = {name: content for name, content in files.items() if not (folder / name).exists()}
    return Scaffold(new, (*notes, *(scoring.notes if scoring else ())))


def _generated(folder: Path, models: Sequence[str], name: str) -> tuple[Scoring | None, tuple[str, ...]]:
    """What serves the model, or why it needs a script of the user's."""
    if not models:
        return None, (f"{SCRIPT} is a start: its run() answers with what it was sent",)
    if len(models) > 1:
        alone = f"one that needs no script is served alone: lmd apply {shlex.quote(str(folder / models[0]))}"
        return None, (f"{SCRIPT} is a start: let it load {', '.join(models)}; {alone}",)
    try:
        return no_code.scoring(folder / models[0], name), ()
    except UserError as error:
        why = str(error).removesuffix(refusal.ADVICE)
        return None, (f"{why}; {SCRIPT} is a start: let it load {models[0]}",)


def _required(folder: Path, files: Mapping[str, bytes], models: Iterable[str]) -> tuple[str, ...]:
    """The packages that the script and the models import."""
    code = {**files, **{path.name: path.read_bytes() for path in folder.glob("*.py")}}
    pickled = [Pickled(model, pickles.examine(folder / model)) for model in models]
    return additions(missing(code, SCRIPT, pickled, "", "requirements", ()).error)


def _gate(request: bytes) -> bytes:
    body = json.dumps(request.decode(errors="replace").strip())
    text = "# Each request must be answered before a revision serves; `expect: {json: …}` compares the answer.\n"
    return f"{text}- name: sample\n  body: {body}\n  expect: {{status: 200}}\n".encode()


def _settings(name: str, models: Iterable[str], python: str) -> bytes:
    listed = ", ".join(json.dumps(model) for model in models)
    lines = [
        "# What lmd apply, plan, dev and try do with this folder: lmd apply .",
        f"name = {json.dumps(name)}",
        f"models = [{listed}]",
        *([f'python = "{python}"'] if python else []),
        "# port = 6789",
        "",
        "# [variables]",
        '# THRESHOLD = "0.5"',
        "",
        "# [server]",
        "# workers = 2",
    ]
    return ("\n".join(lines) + "\n").encode()

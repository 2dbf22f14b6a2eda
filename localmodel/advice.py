"""Improves the worker's advice on an error in a script by what is known of the revision outside the worker."""

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from localmodel.pickles.mismatch import Examined, exactly
from localmodel_untrusted import distributions

# The messages of scoring-image/localmodel_worker/script/advice.py; more text may follow them.
_MISSING = re.compile(
    r"No module named '(?P<name>[\w.]+)'[^;]*; "
    r"(?P<advice>add (?:[\w.-]+(?:, [\w.-]+)*|the package that has it) to the environment's requirements"
    r"|[\w.-]+ [\w.]+ has no such module)"
)
_ATTRIBUTE = re.compile(r"Can't get attribute '[^']*' on (?P<advice><module '(?P<name>[\w.]+)'[^>]*>)")
_IN_CODE = re.compile(r"; (?P<advice>(?P<name>[^;]+) is in its code: give it as a model)")
_NO_MODULE = re.compile(r"No module named '(?P<name>[\w.]+)'(?P<advice>)")
_NO_FILE = re.compile(r"No such file or directory: '(?P<name>[^']+)'(?P<advice>(; this deployment has no models)?)")


@dataclass(frozen=True)
class Known:
    """What is known of a revision outside its worker.

    `files` are those of earlier revisions, by number. `beside` are Python files beside those that are listed as code.
    `folder` is the source folder as the user would write it, or "". `leaves_out` gets a path in it (a folder's ends
    with "/"), and returns the name of the ignore file that leaves it out, or "".
    """

    models: Sequence[Examined] = ()
    files: Mapping[int, Collection[str]] = field(default_factory=dict)
    beside: Collection[str] = ()
    folder: str = ""
    leaves_out: Callable[[str], str] = lambda path: ""


def more(message: str, known: Known) -> str:
    """The message, with the worker's advice replaced if more is known."""
    for pattern, better in _BETTER:
        if match := pattern.search(message):
            return message[: match.start("advice")] + better(match, known) + message[match.end("advice") :]
    return message


def _of_module(match: re.Match[str], known: Known) -> str:
    name, worker_advice = match["name"], match["advice"]
    if left_out := _module_left_out(name, known):
        return left_out
    if worker_advice.startswith("add "):
        return _own_file(name, known) or _with_version(name, worker_advice, known)
    return ", and ".join([worker_advice, *_saved(name, known)])


def _of_attribute(match: re.Match[str], known: Known) -> str:
    return "; ".join([match["advice"], *_saved(match["name"], known)])


def _of_model(match: re.Match[str], known: Known) -> str:
    if not known.folder:
        return match["advice"]
    command = shlex.join(["lmd", "apply", known.folder, "--model", f"{known.folder}/{match['name']}"])
    return f"{match['advice']}: {command}"


def _of_own_module(match: re.Match[str], known: Known) -> str:
    left_out = _module_left_out(match["name"], known)
    return f"; {left_out}" if left_out else ""


def _of_file(match: re.Match[str], known: Known) -> str:
    parts = match["name"].split("/")
    ends = ("/".join(parts[start:]) for start in range(len(parts)) if parts[start])
    left_out = _left_out(ends, known)
    return f"; {left_out}" if left_out else match["advice"]


def _module_left_out(name: str, known: Known) -> str:
    modules = accumulate(name.split("."), "{}/{}".format)
    return _left_out((path for module in modules for path in (f"{module}.py", f"{module}/")), known)


def _left_out(paths: Iterator[str], known: Known) -> str:
    for path in paths:
        if ignore_file := known.leaves_out(path):
            return f"{path} lies in the folder, and {ignore_file} leaves it out"
    return ""


def _own_file(name: str, known: Known) -> str:
    first = name.partition(".")[0]
    if f"{first}.py" in known.beside:
        return f"{first}.py lies beside the script but is not in kustomization.yaml's files"
    for number in sorted(known.files, reverse=True):
        for file in known.files[number]:
            if file.rpartition("/")[2] == f"{first}.py" or f"/{first}/" in f"/{file}":
                return f"{file} was in revision {number}'s folder"
    return ""


def _with_version(name: str, worker_advice: str, known: Known) -> str:
    versions: dict[str, str] = {}
    for model in known.models:
        versions = {**model.pickles.get("versions", {}), **versions}
    if worker_advice.startswith("add it ") and (distribution := distributions.of_module(name)) in versions:
        return worker_advice.replace("it", exactly(distribution, versions[distribution]), 1)
    return re.sub(r"[\w.-]+(?=, | to )", lambda word: exactly(word[0], versions.get(word[0], "")), worker_advice)


def _saved(name: str, known: Known) -> list[str]:
    """Phrases that say with which version of the module's distribution each model was saved."""
    distribution = distributions.of_module(name)
    return [
        f"model {model.name}:{model.version} was saved with {distribution} {version}"
        for model in known.models
        if (version := model.pickles.get("versions", {}).get(distribution))
    ]


_BETTER = (
    (_MISSING, _of_module),
    (_NO_MODULE, _of_own_module),
    (_ATTRIBUTE, _of_attribute),
    (_IN_CODE, _of_model),
    (_NO_FILE, _of_file),
)

"""What is known of a revision beside its worker, joined to what the worker says of an error in its script."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from localmodel.pickles.mismatch import Examined, exactly
from localmodel_untrusted import distributions

# As scoring-image/localmodel_worker/advice.py has them; more may follow, such as what goes on serving.
_MISSING = re.compile(
    r"No module named '(?P<name>[\w.]+)'[^;]*; "
    r"(?P<advice>add \S+ to the environment's requirements|[\w.-]+ [\w.]+ has no such module)"
)
_ATTRIBUTE = re.compile(r"Can't get attribute '[^']*' on (?P<advice><module '(?P<name>[\w.]+)'[^>]*>)")
_IN_CODE = re.compile(r"; (?P<advice>(?P<name>[^;]+) is in its code: give it as a model)")


@dataclass(frozen=True)
class Known:
    """`files` are those of earlier revisions, by number. `beside` are Python files that lie beside those which are
    listed as code. `folder` is where the code was read from, as its user would write it; "" where it is not known.
    """

    models: Sequence[Examined] = ()
    files: Mapping[int, Collection[str]] = field(default_factory=dict)
    beside: Collection[str] = ()
    folder: str = ""


def more(message: str, known: Known) -> str:
    """The message with better advice in the place of the worker's, where more is known."""
    for pattern, better in ((_MISSING, _of_module), (_ATTRIBUTE, _of_attribute), (_IN_CODE, _of_model)):
        if found := pattern.search(message):
            return message[: found.start("advice")] + better(found, known) + message[found.end("advice") :]
    return message


def _of_module(found: re.Match[str], known: Known) -> str:
    name, said = found["name"], found["advice"]
    if said.startswith("add "):
        return _own_file(name, known) or _with_version(name, said, known)
    return ", and ".join([said, *_saved(name, known)])


def _of_attribute(found: re.Match[str], known: Known) -> str:
    return "; ".join([found["advice"], *_saved(found["name"], known)])


def _of_model(found: re.Match[str], known: Known) -> str:
    return found["advice"] + (
        f": lmd apply {known.folder} --model {known.folder}/{found['name']}" if known.folder else ""
    )


def _own_file(name: str, known: Known) -> str:
    first = name.partition(".")[0]
    if f"{first}.py" in known.beside:
        return f"{first}.py lies beside the script but is not in kustomization.yaml's files"
    for number in sorted(known.files, reverse=True):
        for file in known.files[number]:
            if file.rpartition("/")[2] == f"{first}.py" or f"/{first}/" in f"/{file}":
                return f"{file} was in revision {number}'s folder"
    return ""


def _with_version(name: str, said: str, known: Known) -> str:
    distribution = distributions.of_module(name)
    versions = [model.pickles.get("versions", {}).get(distribution) for model in known.models]
    if version := next(filter(None, versions), ""):
        return re.sub(r"^add \S+", f"add {exactly(distribution, version)}", said)
    return said


def _saved(name: str, known: Known) -> list[str]:
    """By which version of the module's distribution each model was saved."""
    distribution = distributions.of_module(name)
    return [
        f"model {model.name}:{model.version} was saved with {distribution} {version}"
        for model in known.models
        if (version := model.pickles.get("versions", {}).get(distribution))
    ]

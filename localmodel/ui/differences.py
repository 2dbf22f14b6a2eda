"""The differences between two revisions, from plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from localmodel.requirements import hashes
from localmodel.updates.plan import Facts

_CONTEXT = 3  # lines
_LONGEST_FILE = 1000  # lines; comparing takes time that grows with their square, and faster where lines repeat
_PARTS = {
    "base": "Base image",
    "server": "Scoring server",
    "lock": "Packages",
    "bundle": "Code and models",
    "settings": "Settings",
}


@dataclass(frozen=True)
class Change:
    """Something with a name that is another one; "" where there is none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Row:
    """Lines beside each other with their numbers, None where there is none. `cut`: lines before are left out."""

    before: tuple[int, str] | None
    after: tuple[int, str] | None
    differs: bool
    cut: bool = False


@dataclass(frozen=True)
class FileChange:
    """A file that differs. `note` stands in place of the rows where they cannot be shown."""

    path: str
    rows: Sequence[Row]
    note: str = ""


def parts(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The parts of a revision, and whether they are the same, by their digests."""
    return [(words, before.get(part) == after.get(part)) for part, words in _PARTS.items()]


def models(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The models that differ, from the digest of each `name:version`."""
    return _changes(_versions(before), _versions(after))


def packages(before: str, after: str) -> list[Change]:
    """The packages that differ, from the texts of the locks."""
    return _changes(_pinned(before), _pinned(after))


def settings(before: Facts, after: Facts) -> list[Change]:
    """The fields of the manifest that differ; of a variable only that it has another value."""
    values = _settings(before), _settings(after)
    return [_without_digests(change) for change in _changes(*values)]


def files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileChange]:
    """The files that differ, sorted by path."""
    paths = sorted(before.keys() | after.keys())
    return [_file(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _settings(facts: Facts) -> dict[str, str]:
    """The value or digest of each field, from what the planner compares."""
    named = {
        "spec.env": {**facts.variables, **facts.secrets},
        "spec.server": facts.server,
        "spec.capture": facts.capture,
    }
    made = {f"{place}.{name}": value for place, values in named.items() for name, value in values.items()}
    single = {"spec.environment.python": facts.python, "spec.update.gate": facts.gate}
    return {**made, **facts.fixed, **facts.beside, **{name: value for name, value in single.items() if value}}


def _without_digests(change: Change) -> Change:
    """Variables may hold secrets, and other fields are too long to be kept."""
    hides = change.name.startswith("spec.env.") or "sha256:" in change.before + change.after
    if not hides:
        return change
    after = "another value" if change.before and change.after else change.after and "a value"
    return Change(change.name, change.before and "a value", after)


def _versions(digests: Mapping[str, str]) -> dict[str, str]:
    pairs = ((model.partition(":"), digest) for model, digest in digests.items())
    return {name: f"{version} {digest[:19]}".strip() for (name, _, version), digest in pairs}


def _pinned(lock: str) -> dict[str, str]:
    lines = (block.splitlines()[0].rstrip(" \\").partition("==") for block in hashes.packages(lock))
    return {name: version or "another source" for name, _, version in lines}


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names = sorted(before.keys() | after.keys())
    changes = [Change(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [change for change in changes if change.before != change.after]


def _file(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    try:
        lines = [(content or b"").decode().splitlines() for content in (before, after)]
    except UnicodeDecodeError:
        return FileChange(path, (), f"not text: {_bytes(before)} before, {_bytes(after)} after")
    if max(map(len, lines)) > _LONGEST_FILE:
        return FileChange(path, (), f"longer than {_LONGEST_FILE} lines")
    note = "" if lines[0] != lines[1] else "differs in its line ends, in whether it is executable, or in being there"
    return FileChange(path, list(_rows(*lines)), note)


def _bytes(content: bytes | None) -> str:
    return "none" if content is None else f"{len(content)} bytes"


def _rows(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    seen = 0
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT):
        cut = group[0][1] > seen
        for word, first, last, other_first, other_last in group:
            if word == "equal" and before == after:
                continue
            for step in range(max(last - first, other_last - other_first)):
                yield Row(
                    _line(before, first + step, last),
                    _line(after, other_first + step, other_last),
                    word != "equal",
                    cut,
                )
                cut = False
        seen = group[-1][2]


def _line(lines: Sequence[str], index: int, end: int) -> tuple[int, str] | None:
    return (index + 1, lines[index]) if index < end else None

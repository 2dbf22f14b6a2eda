"""An environment as a file defines it, and checks that all formats share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet

from localmodel.requirements.faults import invalid
from localmodel.resource import schema
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted.files import UnreadableError, decoded, read_file

DEFAULT_PYTHON = EnvironmentSpec().python
_PATCHES = range(40)  # no minor version has had more
_only: ContextVar[Path | None] = ContextVar("_only", default=None)


@dataclass(frozen=True)
class Definition:
    """An environment as a file defines it. `name` and `variables` may be empty.

    `notes` are sentences on what was not taken literally; `places` has file and line of requirements
    ("environment.yml:7"). With `says_python`, the file names the Python.
    """

    spec: EnvironmentSpec
    name: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    says_python: bool = False


@contextmanager
def reading_only(folder: Path) -> Iterator[None]:
    """A block in which no file outside of the folder is read, whatever the files in it name."""
    token = _only.set(folder.resolve())
    try:
        yield
    finally:
        _only.reset(token)


def check_inside(path: Path, where: str) -> None:
    """
    Raises:
        UserError: EnvironmentInvalid, if the file must not be read here.
    """
    folder = _only.get()
    if folder is not None and not path.resolve().is_relative_to(folder):
        raise invalid(where, f"{path} is not a file of the source")


def text_of(source: Path | str, kind: str) -> tuple[str, str, Path]:
    """Text, name for messages, and folder of a file; a str of several lines is the text itself, and named `kind`.

    Raises:
        UserError: EnvironmentInvalid, if the file cannot be read.
    """
    if isinstance(source, str) and "\n" in source:
        return source, f"({kind})", Path()
    path = Path(source)
    check_inside(path, str(path))
    try:
        content = read_file(path, piped=True)
        if content is None:
            raise UnreadableError("No such file or directory")
        return decoded(content).removeprefix("\ufeff"), str(path), path.parent
    except UnreadableError as error:
        raise invalid(str(path), f"cannot be read: {error}") from None


@cache
def pythons() -> tuple[str, ...]:
    """The supported versions, from the resource's schema."""
    properties = schema.resource_schema()["properties"]["spec"]["properties"]
    return tuple(properties["environment"]["properties"]["python"]["enum"])


def python(where: str, wanted: str, text: str) -> str:
    """The supported version (major.minor) that fits the specifiers `wanted`: our default if it fits, else the newest.

    Raises:
        UserError: EnvironmentInvalid, if none fits; the message quotes the file's words, `text`.
    """
    for version in (DEFAULT_PYTHON, *reversed(pythons())):
        if supports(version, SpecifierSet(wanted)):
            return version
    raise invalid(
        where,
        f"{text}: this Python is not supported; {', '.join(pythons())} are. Write python={DEFAULT_PYTHON}; "
        "packages pinned for another Python may need other versions too",
    )


def supports(version: str, wanted: SpecifierSet) -> bool:
    """Whether any patch release of the version (major.minor) fits."""
    return any(wanted.contains(f"{version}.{patch}") for patch in _PATCHES)


def check_python(version: str, where: str = "python") -> str:
    """Check that the version is supported, and written as major.minor; return it.

    Raises:
        UserError: EnvironmentInvalid.
    """
    if version not in pythons():
        raise invalid(where, f"Python {version} is not supported; {', '.join(pythons())} are")
    return version


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers from 1; a line that ends in a backslash is joined with the next."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield start, held + line
        held, start = "", 0
    if held:
        yield start, held

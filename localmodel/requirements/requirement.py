"""Reads one requirement: a package by name that means the same on every machine, or an error.

Everything from outside (manifests, files, lists, stored environments) is parsed here. What installers get is written
from the parsed value, and never copied as text.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from localmodel.requirements import hashes, sources
from localmodel.requirements.faults import invalid

_SOURCES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host")
_EDITABLE = ("-e", "--editable")
_PATH = re.compile(r"[./~\\]|file:|[A-Za-z]:\\|[A-Za-z][A-Za-z0-9+.-]*://")
# Installers take a name with such an ending for a local file
_FILE_NAME = re.compile(r".*\.(whl|zip|egg|tar|tgz|tbz|txz|tlz|tar\.[a-z0-9]+)", re.IGNORECASE)
_VERSION_CONTROL = re.compile(r"(^|@\s*)(git|hg|svn|bzr)\+")
_STRANGE = re.compile(r"[^ -~]")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_*-]*")
# The beginning of a comment or an option in a requirements file
_WORD_OF_A_FILE = re.compile(r"\s[#-]")
_LONGEST_SHOWN = 200
_FOLDER = "into a wheel folder (find-links in packages.toml) and name it by its version: name==1.0"


@dataclass(frozen=True)
class CheckedRequirement:
    """A requirement as installers get it (`text`, one line), and the hashes (`sha256:...`) demanded for its file.

    `name` is normalized; `url` is the wheel's address, if the requirement names one.
    """

    name: str
    text: str
    url: str | None
    hashes: frozenset[str]

    @property
    def is_pinned(self) -> bool:
        """Whether it allows only one version."""
        return self.url is not None or re.match(r"[^;]*==[^*,;]+(;|$)", self.text) is not None


def names_source(text: str) -> bool:
    """Whether the line is an option of pip for package sources."""
    return re.split(r"[\s=]", text.strip(), maxsplit=1)[0] in _SOURCES


def checked(text: str, where: str) -> str:
    """Check the requirement; return it as it is written, stripped.

    Raises:
        UserError: the errors of `read()`.
    """
    read(text, where)
    return text.strip(" ")


def read(text: str, where: str) -> CheckedRequirement:
    """Parse the requirement.

    Raises:
        UserError: EnvironmentInvalid, for an option, a path, an address that is not a wheel's, a variable, a character
            that is not printable ASCII, or anything that is not a requirement.
    """
    text = text.strip(" ")
    shown = _shown(text)
    if text.startswith("-"):
        raise invalid(where, _about_option(re.split(r"[\s=]", _shown(text, quoted=False), maxsplit=1)[0]))
    if strange := _STRANGE.search(text):
        raise invalid(where, f"{shown}: the character U+{ord(strange[0]):04X} is not allowed in a requirement")
    if "$" in text:
        raise invalid(where, "variables (${...}) are not filled in; write what they stand for")
    if sources.holds_secret(text):
        raise invalid(where, f"{shown}: put the user name and the password into ~/.netrc")
    if _VERSION_CONTROL.search(text):
        raise invalid(
            where, f"{shown}: a repository has no hash that could be locked; build a wheel of it and put it {_FOLDER}"
        )
    plain, demanded = hashes.split(text)
    a_path = f"{shown}: a path, or no name: write `name @ https://...`, or put the wheel {_FOLDER}"
    if _PATH.match(plain):
        raise invalid(where, a_path)
    try:
        parsed = Requirement(plain)
    except InvalidRequirement as error:
        raise invalid(where, f"{shown} is not a requirement: {str(error).splitlines()[0]}") from None
    if _FILE_NAME.fullmatch(parsed.name):
        raise invalid(where, a_path)
    if parsed.url:
        _check_address(parsed, shown, where)
    written = _written(parsed)
    if not _is_plain(parsed, written):
        raise invalid(where, f"{shown} is not a requirement that every installer reads alike")
    return CheckedRequirement(canonicalize_name(parsed.name), written, parsed.url, demanded)


def _written(parsed: Requirement) -> str:
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    which = f" @ {parsed.url}" if parsed.url else str(parsed.specifier)
    return f"{parsed.name}{extras}{which}{f' ; {parsed.marker}' if parsed.marker else ''}"


def _check_address(parsed: Requirement, shown: str, where: str) -> None:
    """Allow only addresses of wheels without a query: resolving a source runs its code, and a query may be a secret."""
    try:
        parts = urlsplit(parsed.url or "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "file":
        raise invalid(where, _about_a_file(parsed, shown, unquote(parts.path)))
    if not (parsed.url or "").startswith(("https://", "http://")) or not parts.hostname:
        raise invalid(where, f"{shown}: only an address that begins with https:// or http:// can be named")
    if parts.query or parts.fragment:
        raise invalid(where, f"{shown}: the address has a ? or a #, which a lock cannot keep; put the wheel {_FOLDER}")
    try:
        name = parse_wheel_filename(unquote(parts.path).rpartition("/")[2])[0]
    except InvalidWheelFilename:
        raise invalid(
            where, f"{shown}: not the address of a wheel (name-1.0-py3-none-any.whl); build one and put it {_FOLDER}"
        ) from None
    if name != canonicalize_name(parsed.name):
        raise invalid(where, f"{shown}: that is the address of a wheel of {name}")


def _is_plain(parsed: Requirement, written: str) -> bool:
    """Whether an installer, which also looks for options and comments, reads the text as the same requirement."""
    try:
        same = Requirement(written) == parsed
    except InvalidRequirement:
        return False
    versions = all(_VERSION.fullmatch(specifier.version) for specifier in parsed.specifier)
    return same and versions and not _WORD_OF_A_FILE.search(written) and "\\" not in written


def _shown(text: str, quoted: bool = True) -> str:
    """The requirement for messages: without secrets, in ASCII, shortened."""
    plain = sources.scrub(text)
    plain = plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}..."
    return ascii(plain) if quoted else ascii(plain)[1:-1]


def _about_a_file(parsed: Requirement, shown: str, path: str) -> str:
    """The message about a local file, which environments and locks cannot name, because they are made anywhere."""
    try:
        version = parse_wheel_filename(path.rpartition("/")[2])[1]
    except InvalidWheelFilename:
        return (
            f"{shown}: a file of one machine, as pip freeze writes it in a conda environment; write "
            f"{parsed.name}==VERSION (pip list --format=freeze shows it)"
        )
    return (
        f"{shown}: a file of one machine; put the wheel into a wheel folder (find-links in packages.toml) and write "
        f"{parsed.name}=={version}"
    )


def _about_option(option: str) -> str:
    if option in _SOURCES:
        return f"{option}: package sources are set once for all environments, in {sources.path()}"
    if option in _EDITABLE:
        return (
            f"{option}: an environment is installed on other machines too, where that folder is not. Put the code "
            f"beside the entry script (source directory), or put a wheel of it {_FOLDER}"
        )
    if option in ("-c", "--constraint"):
        return (
            f"{option}: an environment has requirements only, and locks every package by itself. Write the versions "
            "that matter as requirements (numpy<2)"
        )
    return f"{option}: this option is not supported in an environment; leave it out"

"""One requirement, whoever wrote it: a package by name that every machine understands alike, or an error.

Whatever comes from outside (manifests, files, lists, stored environments) is read here, and what installers are given
is written from what was read, never taken over as text.
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
# An installer takes a name that ends so for a file beside it
_FILE_NAME = re.compile(r".*\.(whl|zip|egg|tar|tgz|tbz|txz|tlz|tar\.[a-z0-9]+)", re.IGNORECASE)
_VERSION_CONTROL = re.compile(r"(^|@\s*)(git|hg|svn|bzr)\+")
_STRANGE = re.compile(r"[^ -~]")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_*-]*")
# In a requirements file a comment or an option begins so
_WORD_OF_A_FILE = re.compile(r"\s[#-]")
_LONGEST_SHOWN = 200
_FOLDER = "into a wheel folder (find-links in packages.toml) and name it by its version: name==1.0"


@dataclass(frozen=True)
class CheckedRequirement:
    """A requirement as installers get it (`text`, one line), and the hashes (`sha256:...`) demanded of its file.

    `name` is as indices write it; `url` is the wheel's address, where that is what names the package.
    """

    name: str
    text: str
    url: str | None
    hashes: frozenset[str]

    @property
    def is_pinned(self) -> bool:
        """Whether only one version can be meant."""
        return self.url is not None or re.match(r"[^;]*==[^*,;]+(;|$)", self.text) is not None


def names_source(text: str) -> bool:
    """Whether the line is an option of pip's that says where packages come from."""
    return re.split(r"[\s=]", text.strip(), maxsplit=1)[0] in _SOURCES


def checked(text: str, where: str) -> str:
    """The requirement as it is written, without blanks around it.

    Raises:
        UserError: EnvironmentInvalid, as read().
    """
    read(text, where)
    return text.strip(" ")


def read(text: str, where: str) -> CheckedRequirement:
    """What the requirement asks for.

    Raises:
        UserError: EnvironmentInvalid: an option, a path, an address that is not a wheel's, a variable, a character
            that is not printable ASCII, or not a requirement at all.
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
        found = Requirement(plain)
    except InvalidRequirement as error:
        raise invalid(where, f"{shown} is not a requirement: {str(error).splitlines()[0]}") from None
    if _FILE_NAME.fullmatch(found.name):
        raise invalid(where, a_path)
    if found.url:
        _check_address(found, shown, where)
    written = _written(found)
    if not _is_plain(found, written):
        raise invalid(where, f"{shown} is not a requirement that every installer reads alike")
    return CheckedRequirement(canonicalize_name(found.name), written, found.url, demanded)


def _written(found: Requirement) -> str:
    extras = f"[{','.join(sorted(found.extras))}]" if found.extras else ""
    which = f" @ {found.url}" if found.url else str(found.specifier)
    return f"{found.name}{extras}{which}{f' ; {found.marker}' if found.marker else ''}"


def _check_address(found: Requirement, shown: str, where: str) -> None:
    """Only a wheel can be named by its address: a source would run its code to be resolved, a query may be a secret."""
    try:
        parts = urlsplit(found.url or "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "file":
        raise invalid(where, _about_a_file(found, shown, unquote(parts.path)))
    if not (found.url or "").startswith(("https://", "http://")) or not parts.hostname:
        raise invalid(where, f"{shown}: only an address that begins with https:// or http:// can be named")
    if parts.query or parts.fragment:
        raise invalid(where, f"{shown}: the address has a ? or a #, which a lock cannot keep; put the wheel {_FOLDER}")
    try:
        name = parse_wheel_filename(unquote(parts.path).rpartition("/")[2])[0]
    except InvalidWheelFilename:
        raise invalid(
            where, f"{shown}: not the address of a wheel (name-1.0-py3-none-any.whl); build one and put it {_FOLDER}"
        ) from None
    if name != canonicalize_name(found.name):
        raise invalid(where, f"{shown}: that is the address of a wheel of {name}")


def _is_plain(found: Requirement, written: str) -> bool:
    """Whether what is written is read as the same again, by an installer that looks for options and comments, too."""
    try:
        same = Requirement(written) == found
    except InvalidRequirement:
        return False
    versions = all(_VERSION.fullmatch(each.version) for each in found.specifier)
    return same and versions and not _WORD_OF_A_FILE.search(written) and "\\" not in written


def _shown(text: str, quoted: bool = True) -> str:
    """The requirement for messages: without secrets, in ASCII, not too long."""
    plain = sources.scrub(text)
    plain = plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}..."
    return ascii(plain) if quoted else ascii(plain)[1:-1]


def _about_a_file(found: Requirement, shown: str, path: str) -> str:
    """Environments are made on other machines, too, and locks hold no file of any."""
    try:
        version = parse_wheel_filename(path.rpartition("/")[2])[1]
    except InvalidWheelFilename:
        return (
            f"{shown}: a file of one machine, as pip freeze writes it in a conda environment; write "
            f"{found.name}==VERSION (pip list --format=freeze shows it)"
        )
    return (
        f"{shown}: a file of one machine; put the wheel into a wheel folder (find-links in packages.toml) and write "
        f"{found.name}=={version}"
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

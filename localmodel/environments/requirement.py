"""One line of a requirements file: a requirement that every machine understands alike, or an error."""

import re

from packaging.requirements import InvalidRequirement, Requirement

from localmodel.environments import hashes, sources
from localmodel.environments.definition import invalid

_SOURCES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host")
_EDITABLE = ("-e", "--editable")
_PATH = re.compile(r"[./~\\]|file:|[A-Za-z]:\\")
_VERSION_CONTROL = re.compile(r"(^|@\s*)(git|hg|svn|bzr)\+")


def names_source(text: str) -> bool:
    """Whether the line is an option of pip's that says where packages come from."""
    return re.split(r"[\s=]", text.strip(), maxsplit=1)[0] in _SOURCES


def checked(text: str, where: str) -> str:
    """The requirement, without blanks around it.

    Raises:
        UserError: EnvironmentInvalid: an option, a path, an address with a password, or no requirement at all.
    """
    text = text.strip()
    if text.startswith("-"):
        raise invalid(where, _about_option(re.split(r"[\s=]", text, maxsplit=1)[0]))
    if "${" in text:
        raise invalid(where, "variables (${...}) are not filled in; write what they stand for")
    if sources.holds_secret(text):
        raise invalid(where, f"{sources.scrub(text)}: put the user name and the password into ~/.netrc")
    if _VERSION_CONTROL.search(text):
        raise invalid(
            where, f"{text}: a repository has no hash that could be locked; build a wheel of it and put it {_FOLDER}"
        )
    plain = hashes.split(text)[0]
    if _PATH.match(plain) or (plain.endswith((".whl", ".tar.gz", ".zip")) and " @ " not in plain):
        raise invalid(
            where,
            f"{text}: a path, or no name: write `name @ https://...`, or put the wheel {_FOLDER}",
        )
    try:
        Requirement(plain)
    except InvalidRequirement as error:
        raise invalid(where, f"{text!r} is not a requirement: {str(error).splitlines()[0]}") from None
    return text


_FOLDER = "into a wheel folder (find-links in packages.toml) and name it by its version: name==1.0"


def _about_option(option: str) -> str:
    if option in _SOURCES:
        return f"{option}: where packages come from is said once for all environments, in {sources.path()}"
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
    return f"{option}: this option has no place in an environment; leave it out"

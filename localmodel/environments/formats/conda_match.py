"""Parses one line of a conda file's dependencies: `channel::name=version=build` and its other spellings."""

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from localmodel.requirements.faults import invalid

_BRACKETS = re.compile(r"(?P<before>[^\[]*)\[(?P<inside>[^\]]*)\]")
_BRACKET_KEY = re.compile(r"(version|build|channel)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,]*))")
_NAME = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?P<rest>.*)")
_ONE = re.compile(r"(?P<operator>==|>=|<=|!=|~=|=|<|>)?(?P<version>[A-Za-z0-9_.+!*-]+)")


@dataclass(frozen=True)
class Match:
    """A dependency. `specifiers` are pip's (numpy=1.19 is ==1.19.*); `build` is "" without a build string."""

    name: str
    specifiers: str
    build: str


def name(text: str, where: str) -> str:
    """The name of the package in the line.

    Raises:
        UserError: EnvironmentInvalid, if it has no name.
    """
    return _named(text.partition("[")[0], text, where)["name"]


def _named(before: str, text: str, where: str) -> re.Match[str]:
    match = _NAME.fullmatch(before.rpartition("::")[2].strip())
    if not match:
        raise invalid(where, f"{text!r} is not a conda dependency: name=version, name>=version or channel::name")
    return match


def parse(text: str, where: str) -> Match:
    """Parse a line.

    Raises:
        UserError: EnvironmentInvalid, if it is not such a line, or pip has no equivalent.
    """
    brackets = _BRACKETS.fullmatch(text.strip())
    before, extra = (brackets["before"], _bracket_keys(brackets["inside"])) if brackets else (text, {})
    match = _named(before, text, where)
    version, build, exact = _split(match["rest"].strip())
    version, build = extra.get("version", version), extra.get("build", build)
    if "|" in version or "(" in version:
        raise invalid(where, f"{text}: pip cannot express alternatives (|); write one range, such as >=1.19,<2")
    specifiers = ",".join(filter(None, (_specifier(part.strip(), exact) for part in version.split(","))))
    try:
        SpecifierSet(specifiers)
    except InvalidSpecifier:
        raise invalid(where, f"{text}: {version!r} is not a version that pip understands") from None
    return Match(match["name"], specifiers, build.replace("*", ""))


def _bracket_keys(inside: str) -> dict[str, str]:
    return {key: quoted or double_quoted or bare for key, quoted, double_quoted, bare in _BRACKET_KEY.findall(inside)}


def _split(rest: str) -> tuple[str, str, bool]:
    """Version, build string, and whether a version without an operator means exactly this one."""
    rest = re.sub(r"\s*([=<>!~,|]+)\s*", r"\1", rest)
    if rest.startswith("=") and not rest.startswith("=="):
        version, _, build = rest[1:].partition("=")
        return version, build, bool(build)
    if rest.startswith("=="):
        version, _, build = rest[2:].partition("=")
        return f"=={version}", build, True
    version, _, build = rest.partition(" ")
    return version, build, True


def _specifier(part: str, exact: bool) -> str:
    match = _ONE.fullmatch(part)
    if not match:
        return part
    operator, version = match["operator"], match["version"]
    if version == "*":
        return ""
    if operator in (">=", "<=", "<", ">", "~="):
        return operator + version.removesuffix(".*")
    if operator in ("==", "!="):
        return operator + version
    if version.endswith("*"):
        return "==" + version.rstrip(".*") + ".*"
    # conda's = means "starts with", which pip can say only of release numbers
    starts = operator == "=" or not exact
    return f"=={version}.*" if starts and re.fullmatch(r"(\d+!)?\d+(\.\d+)*", version) else f"=={version}"

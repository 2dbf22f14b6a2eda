"""What is said where a package has no wheel, in place of the resolver's chain of conclusions."""

import re
from dataclasses import dataclass

from localmodel import reasons
from localmodel.errors import UserError

_TOLD = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*?)(==(?P<version>[^\s,]+)|[<>!~][^\s,]*)? (has|have) no "
    r"(usable wheels|wheels with a matching)"
)
_AT_ADDRESS = re.compile(r"[Ff]ailed to (download and )?build `(?P<name>[^`\s\[]+)\S* @ ")
_DISABLED = re.compile(r"building source distributions for `(?P<name>[^`]+)` is disabled", re.IGNORECASE)
_NOT_BUILT = re.compile(r"[Ff]ailed to build `(?P<package>[^`\s]+)`")
_WHY = re.compile(r"^\s*((?:\w+\.)*\w*(?:Error|Exception)\b.*)$", re.MULTILINE)


@dataclass(frozen=True)
class NoWheel:
    """The package, and its version; "" where it is true of all versions that come into question.

    `has_address`: what another package needs is a source at an address.
    """

    name: str
    version: str
    has_address: bool = False


def told(said: str) -> NoWheel | None:
    """The package without a wheel that uv tells of, if that is why it has failed."""
    text = " ".join(said.split())
    if found := _AT_ADDRESS.search(text):
        return NoWheel(found["name"], "", has_address=True)
    if found := _TOLD.search(text):
        return NoWheel(found["name"], found["version"] or "")
    if found := _DISABLED.search(text):
        return NoWheel(found["name"], "")
    return None


def error(field: str, missing: NoWheel, python: str, where: str, others: list[str]) -> UserError:
    """`where` is the platform in words, `others` are the versions of Python for which it has a wheel there."""
    what = f"{missing.name} {missing.version}".strip() if missing.version else f"no version of {missing.name}"
    there = f" (it has one for Python {', '.join(others)})" if others else ""
    verb = "has no wheel" if missing.version else "that fits has a wheel"
    return UserError(
        reasons.WHEEL_MISSING,
        f"{field}: {what} {verb} for Python {python} on {where}{there}, and building it from source would run its code "
        "here: ask for another version, put a wheel of it into a folder that packages.toml names (find-links), install "
        "it in a Dockerfile (lmd env create --dockerfile), or serve it on the target process, which builds it",
    )


def not_built(said: str) -> str:
    """What to say of a package that could not be built from source, if that is why uv has failed; else ""."""
    found = _NOT_BUILT.search(said)
    if not found:
        return ""
    why = "".join(f": {line}" for line in _WHY.findall(said)[-1:])
    return (
        f"{found['package']} has no wheel for this Python, and building it from source failed{why}; ask for another "
        "version of it, or for a Python that it has a wheel for (spec.environment.python)"
    )


def building(missing: NoWheel) -> str:
    """The note for a package that is built here after all."""
    package = f"{missing.name}=={missing.version}" if missing.version else missing.name
    return f"{package} has no wheel: building it from source runs its code on this machine"

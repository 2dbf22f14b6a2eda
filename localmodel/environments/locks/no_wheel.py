"""Errors about packages without a wheel, in place of the resolver's chain of conclusions."""

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
    """A package without a wheel, and its version; "" means all versions in question.

    `has_address` says that another package asks for its source at an address.
    """

    name: str
    version: str
    has_address: bool = False


class NotBuiltError(Exception):
    """A package without a wheel is needed, which the caller may build. `error` is for the user if it cannot."""

    def __init__(self, requirement: str, error: UserError) -> None:
        super().__init__(requirement)
        self.requirement, self.error = requirement, error


def parse(output: str) -> NoWheel | None:
    """The package without a wheel, if uv's output says that this is why it failed."""
    text = " ".join(output.split())
    if match := _AT_ADDRESS.search(text):
        return NoWheel(match["name"], "", has_address=True)
    if match := _TOLD.search(text):
        return NoWheel(match["name"], match["version"] or "")
    if match := _DISABLED.search(text):
        return NoWheel(match["name"], "")
    return None


# The last thing that somebody can do about a package without a wheel.
SERVE_ELSEWHERE = "serve it on the target process or on a cluster, which build it"
LEAVE_OUT_HASH = "leave out its --hash, because a wheel that the cluster builds of it has another one"


def error(
    field: str, missing: NoWheel, python: str, where: str, others: list[str], last: str = SERVE_ELSEWHERE
) -> UserError:
    """The error. `where` is the platform in words, `others` are the Python versions with a wheel for it."""
    what = f"{missing.name} {missing.version}".strip() if missing.version else f"no version of {missing.name}"
    has = f" (it has one for Python {', '.join(others)})" if others else ""
    verb = "has no wheel" if missing.version else "that fits has a wheel"
    return UserError(
        reasons.WHEEL_MISSING,
        f"{field}: {what} {verb} for Python {python} on {where}{has}, and building it from source would run its code "
        "here: ask for another version, put a wheel of it into a folder that packages.toml names (find-links), "
        f"install it in a Dockerfile (lmd env create --dockerfile), or {last}",
    )


def not_built(output: str) -> str:
    """A sentence on the package that could not be built from source, if that is why uv failed; else ""."""
    match = _NOT_BUILT.search(output)
    if not match:
        return ""
    why = "".join(f": {line}" for line in _WHY.findall(output)[-1:])
    return (
        f"{match['package']} has no wheel for this Python, and building it from source failed{why}; ask for another "
        "version of it, or for a Python that it has a wheel for (spec.environment.python)"
    )


def building(missing: NoWheel) -> str:
    """The note that announces a build from source."""
    package = f"{missing.name}=={missing.version}" if missing.version else missing.name
    return f"{package} has no wheel: building it from source runs its code on this machine"

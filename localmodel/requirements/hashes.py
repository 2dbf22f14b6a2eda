"""Hashes that the user demands of a requirement, as in `six==1.17.0 --hash=sha256:4721f...`."""

import re
from collections.abc import Mapping

from packaging.utils import canonicalize_name

from localmodel import reasons
from localmodel.errors import UserError

_HASH = re.compile(r"\s+--hash[= ](\w+:[0-9a-fA-F]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def split(requirement: str) -> tuple[str, frozenset[str]]:
    """The requirement without its hashes, and the hashes as `sha256:...`."""
    return _HASH.sub("", requirement).strip(), frozenset(_HASH.findall(requirement))


def listed(block: str) -> list[str]:
    """The hashes in a package's lines of a lock, in order."""
    return re.findall(r"--hash=(\w+:[0-9a-fA-F]+)", block)


def name(requirement: str) -> str:
    """The package's normalized name, or "" if it has none."""
    match = _NAME.match(requirement.strip())
    return canonicalize_name(match[0]) if match else ""


def packages(lock: str) -> list[str]:
    """The lock's packages, each with its lines."""
    return [block for block in re.split(r"(?m)^(?=[A-Za-z0-9])", lock) if block and not block.startswith("#")]


def restrict(lock: str, demanded: Mapping[str, frozenset[str]]) -> str:
    """The lock with only the `demanded` hashes for the packages (by name) that have any.

    Raises:
        UserError: RequirementsUnresolvable, if the index has no file with a demanded hash.
    """
    return "".join(_restricted(block, demanded.get(name(block), frozenset())) for block in packages(lock))


def _restricted(block: str, wanted: frozenset[str]) -> str:
    if not wanted:
        return block
    first, _, rest = block.partition("\n")
    kept = [digest for digest in re.findall(r"--hash=(\w+:\w+)", rest) if digest in wanted]
    if not kept:
        pinned = first.rstrip(" \\")
        raise UserError(
            reasons.REQUIREMENTS_UNRESOLVABLE,
            f"spec.environment.requirements: {pinned}: the index offers no file with a demanded --hash; "
            "was another version resolved, or the file replaced? Correct the hash, or leave it out",
        )
    return first + "\n" + " \\\n".join(f"    --hash={digest}" for digest in kept) + "\n"

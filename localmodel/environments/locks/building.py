"""Prefers wheels: a package without one is built from source, and named before its code runs."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from packaging.utils import canonicalize_name

from localmodel.environments.locks import no_wheel
from localmodel.environments.locks.no_wheel import NoWheel

# Exit code, output, error output
Answer: TypeAlias = tuple[int, str, str]


def options(built: Collection[str]) -> list[str]:
    """uv's options that allow building these packages, and no others."""
    return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in built)] if built else ["--no-build"]


async def wheels_first(
    run: Callable[[tuple[str, ...]], Awaitable[Answer]], note: Callable[[str], None] | None
) -> tuple[Answer, NoWheel | None]:
    """Run uv, and again with one more package to be built as long as it fails for lack of a wheel.

    `run` gets the names of the packages that may be built. Returns the last answer, and the package without a wheel
    that made it fail and may not be built: any package if there is no `note`, else one at an address.
    """
    built: tuple[str, ...] = ()
    while True:
        answer = await run(built)
        missing = no_wheel.parse(answer[2]) if answer[0] else None
        name = canonicalize_name(missing.name) if missing else ""
        if not missing or not note or missing.has_address or name in built:
            return answer, None if name in built else missing
        note(no_wheel.building(missing))
        built = (*built, name)

"""The platforms that wheels for images are for."""

from packaging import tags

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 28


def platforms(architecture: str | None) -> list[str]:
    """pip's names for the platform, one per glibc, because pip does not know that older ones run on a newer one."""
    if architecture is None:
        return list(tags.platform_tags())
    machine = _MACHINES.get(architecture, architecture)
    versions = range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)
    old = [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    return [*(f"manylinux_2_{minor}_{machine}" for minor in versions), *old, f"linux_{machine}"]

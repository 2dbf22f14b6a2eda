"""Which packages of a lock with markers a platform gets."""

from localmodel.environments.locks import wheels

LOCK = """\
# a comment
a==1 ; python_full_version < '3.10' \\
    --hash=sha256:01
    # via b
a==2 ; python_full_version >= '3.10' \\
    --hash=sha256:02
colorama==1 ; sys_platform == 'win32' \\
    --hash=sha256:03
fast==1 ; platform_machine == 'aarch64' and sys_platform == 'linux' \\
    --hash=sha256:04
six==1.17.0 --hash=sha256:05
"""


def names(python: str, architecture: str) -> list[str]:
    lock = wheels.for_platform(LOCK, python, architecture)
    return [line.split()[0] for line in lock.splitlines() if "==" in line]


def test_markers_are_those_of_the_image() -> None:
    assert names("3.9", "amd64") == ["a==1", "six==1.17.0"]
    assert names("3.11", "arm64") == ["a==2", "fast==1", "six==1.17.0"]


def test_hashes_stay() -> None:
    assert "a==2 \\\n    --hash=sha256:02\n" in wheels.for_platform(LOCK, "3.11", "amd64")
    assert "six==1.17.0 --hash=sha256:05\n" in wheels.for_platform(LOCK, "3.11", "amd64")

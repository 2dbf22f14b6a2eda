"""The words in which a requirement that cannot be met is reported, and what a lock from outside may hold."""

from pathlib import Path

import pytest

from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec


@pytest.mark.parametrize(
    "words",
    [
        "  \u00d7 No solution found:\n  \u2570\u2500\u25b6 Because nosuch was not found\n",
        "error: No solution found when resolving dependencies\n  cause: Because nosuch was not found\n",
        "  \u00d7 No solution found when resolving dependencies:\n  \u2570\u2500\u25b6 Because nosuch was not found\n"
        "hint: Wheels are off for `nosuch` (i.e., with `--no-binary-package nosuch`)\n",
    ],
)
def test_the_resolvers_words_become_one_line_of_ascii(words: str) -> None:
    assert str(locks._failure(words)) == (
        "spec.environment.requirements: No solution found: Because nosuch was not found"
    )


@pytest.mark.parametrize("requirement", ["--no-index", " -r other.txt", "numpy\n-r other.txt"])
async def test_options_are_no_requirements(requirement: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"spec\.environment\.requirements\[1\]"):
        await locks.resolve(EnvironmentSpec("3.11", ("numpy", requirement)), None, tmp_path)


async def test_no_requirements_need_no_resolver(tmp_path: Path) -> None:
    assert (await locks.resolve(EnvironmentSpec(), None, tmp_path)).text == ""


LOCKED = """\
a==1.0 \\
    --hash=sha256:02 \\
    --hash=sha256:01
b @ https://h/b-1.0-py3-none-any.whl \\
    --hash=sha256:03
c==1.0 ; sys_platform == "linux" \\
    --hash=sha256:04
"""


@pytest.mark.parametrize("text", [LOCKED, "# of ours\n" + LOCKED, LOCKED.replace("\n", "\r\n")])
def test_a_lock_reads_back_as_it_was_written(text: str) -> None:
    assert locks.read(text, "here").text == LOCKED


@pytest.mark.parametrize(
    "text",
    [
        "a==1.0\n",
        "a>=1.0 --hash=sha256:01\n",
        "a==1.* --hash=sha256:01\n",
        "a==1.0 --hash=sha256:01\n--index-url http://127.0.0.1:9/simple\n",
        "a==1.0 --hash=sha256:01\r-r other.txt\n",
        "a @ file:///x/a-1.0-py3-none-any.whl --hash=sha256:01\n",
        "a @ git+ssh://127.0.0.1:9/a --hash=sha256:01\n",
        "a @ https://h/a-1.0.tar.gz --hash=sha256:01\n",
        "a==1.0 --hash=sha256:01 ${HOME}\n",
        "--index-url http://127.0.0.1:9/simple\n" + LOCKED,
    ],
)
def test_a_lock_from_elsewhere_holds_nothing_that_installers_obey(text: str) -> None:
    with pytest.raises(UserError, match=r"^here: ") as error:
        locks.read(text, "here")
    assert error.value.reason == "EnvironmentInvalid"


def test_equal_locks_have_equal_digests() -> None:
    assert Lock("a==1\n").digest == Lock("a==1\n").digest != Lock("a==2\n").digest

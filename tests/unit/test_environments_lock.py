"""The words in which a requirement that cannot be met is reported."""

import pytest

from localmodel.environments import lock as locks
from localmodel.environments.lock import Lock
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec


def test_a_requirement_that_is_none_is_named_by_its_index() -> None:
    said = "error: Couldn't parse requirement in `-` at position 6\n  Caused by: expected package name\n"
    assert locks._in_fields(said, ("numpy", "!!!")).startswith("[1] '!!!' is not a requirement: ")


def test_the_resolvers_words_become_one_line_of_ascii() -> None:
    said = "  \u00d7 No solution found:\n  \u2570\u2500\u25b6 Because nosuch was not found\n"
    assert locks._in_fields(said, ("nosuch",)) == "No solution found: Because nosuch was not found"


@pytest.mark.parametrize("requirement", ["--no-index", " -r other.txt", "numpy\n-r other.txt"])
async def test_options_are_no_requirements(requirement: str) -> None:
    with pytest.raises(UserError, match=r"spec\.environment\.requirements\[1\]"):
        await locks._compile(EnvironmentSpec("3.11", ("numpy", requirement)), None)


async def test_no_requirements_need_no_resolver() -> None:
    assert await locks._compile(EnvironmentSpec(), None) == ""


def test_equal_locks_have_equal_digests() -> None:
    assert Lock("a==1\n").digest == Lock("a==1\n").digest != Lock("a==2\n").digest

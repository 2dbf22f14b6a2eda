"""Hashes that a requirement demands."""

import pytest

from localmodel.errors import UserError
from localmodel.requirements import hashes

LOCK = """\
a==1 \\
    --hash=sha256:01 \\
    --hash=sha256:02
b-c==2 \\
    --hash=sha256:03
"""


def test_a_requirement_and_its_hashes() -> None:
    text, wanted = hashes.split("six==1.17.0  --hash=sha256:00 --hash=sha256:0A")
    assert (text, wanted) == ("six==1.17.0", {"sha256:00", "sha256:0A"})


def test_only_demanded_hashes_stay_in_the_lock() -> None:
    assert hashes.restrict(LOCK, {}) == LOCK
    assert hashes.restrict(LOCK, {"a": frozenset({"sha256:02", "sha256:09"})}) == LOCK.replace(
        "    --hash=sha256:01 \\\n", ""
    )
    assert hashes.restrict(LOCK, {hashes.name("B_c>=1"): frozenset({"sha256:03"})}) == LOCK


def test_a_file_that_the_index_does_not_have_any_more_is_an_error() -> None:
    with pytest.raises(UserError, match="b-c==2: the index offers no file"):
        hashes.restrict(LOCK, {"b-c": frozenset({"sha256:04"})})

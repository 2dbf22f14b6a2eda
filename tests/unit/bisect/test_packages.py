"""Which packages must be exchanged together."""

from __future__ import annotations

from localmodel.bisect.packages import Package, closed_groups

PYTHONS = "3.11", "3.11"


def test_packages_that_accept_both_versions_are_alone() -> None:
    before = {"a": Package("1", ("b>=1",)), "b": Package("1")}
    after = {"a": Package("2", ("b>=1",)), "b": Package("2")}
    assert closed_groups({"a", "b"}, before, after, PYTHONS) == [frozenset({"a"}), frozenset({"b"})]


def test_what_the_new_or_the_old_version_refuses_goes_with_it() -> None:
    before = {"a": Package("1", ("b<2",)), "b": Package("1"), "c": Package("1"), "d": Package("1"), "e": Package("1")}
    after = {"a": Package("2"), "b": Package("2"), "c": Package("2", ("D>=2",)), "d": Package("2"), "e": Package("2")}
    assert closed_groups({*"abcde"}, before, after, PYTHONS) == [frozenset("ab"), frozenset("cd"), frozenset("e")]


def test_groups_grow_along_a_chain() -> None:
    before = {name: Package("1") for name in "abcd"}
    after = {
        "a": Package("2", ("b==2",)),
        "b": Package("2", ("c==2",)),
        "c": Package("2", ("d==2",)),
        "d": Package("2"),
    }
    assert closed_groups({*"abcd"}, before, after, PYTHONS) == [frozenset("abcd")]


def test_a_package_that_comes_with_another_goes_with_it() -> None:
    before = {"a": Package("1")}
    after = {"a": Package("2", ("New_One", "extra-only; extra == 'x'", "not a requirement!")), "new-one": Package("1")}
    assert closed_groups({"a", "new-one"}, before, after, PYTHONS) == [frozenset({"a", "new-one"})]


def test_what_has_not_changed_is_in_no_group() -> None:
    before = {"a": Package("1", ("same>=1",)), "same": Package("1")}
    assert closed_groups({"a"}, before, {**before, "a": Package("2", ("same>=1",))}, PYTHONS) == [frozenset("a")]


def test_what_a_python_requires_counts_for_that_python_only() -> None:
    before = {"a": Package("1", ("b<2; python_version < '3.10'",)), "b": Package("1")}
    after = {"a": Package("2"), "b": Package("2")}
    assert closed_groups({"a", "b"}, before, after, ("3.9", "3.9")) == [frozenset("ab")]
    assert closed_groups({"a", "b"}, before, after, ("3.10", "3.9")) == [frozenset("a"), frozenset("b")]

"""Which environment another one is made from, as a matter of their locks only."""

from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import nearest

BIG = Lock(
    "a==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb==2.0 ; python_version > '3' \\\n    --hash=sha256:cc\n"
    "c @ https://example.org/c-1.0-py3-none-any.whl \\\n    --hash=sha256:dd\n"
)


def lock(*packages: str) -> Lock:
    return Lock("".join(f"{package} --hash=sha256:{package.replace('=', '')}\n" for package in packages))


def packages(*names: str) -> dict[str, str]:
    return nearest.packages(lock(*names))


def test_versions_are_those_of_the_lock() -> None:
    assert {name: what.split(" ")[0] for name, what in nearest.packages(BIG).items()} == {
        "a": "1.0",
        "b": "2.0",
        "c": "",
    }


def test_a_part_of_a_lock_is_as_in_the_lock() -> None:
    assert nearest.text(BIG, frozenset({"a", "c"})) == BIG.text.replace(
        "b==2.0 ; python_version > '3' \\\n    --hash=sha256:cc\n", ""
    )


def test_another_file_of_the_same_version_is_another_package() -> None:
    other = nearest.packages(Lock(BIG.text.replace("bb", "b0")))
    change = nearest.change(nearest.packages(BIG), other)
    assert (change.kept, change.gone, change.fresh) == ({"b", "c"}, {"a"}, {"a"})


def test_how_the_lines_of_a_lock_are_broken_makes_no_difference() -> None:
    joined = Lock(BIG.text.replace(" \\\n   ", ""))
    assert nearest.packages(joined) == nearest.packages(BIG)


def test_the_most_in_common_wins() -> None:
    wanted = packages("a==1", "b==1", "c==1", "d==1")
    candidates = {
        "few": packages("a==1"),
        "most": packages("a==1", "b==1", "c==1"),
        "more": packages("a==1", "b==1", "c==1", "d==1", "x==1", "y==1"),
    }
    assert nearest.most_in_common(candidates, wanted) == "more"
    assert nearest.most_in_common({"other": packages("x==1"), "empty": {}}, wanted) is None
    assert nearest.most_in_common({}, wanted) is None

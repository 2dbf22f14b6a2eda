"""Writers of a shared store never get the same number, whatever the order in which a registry sees their requests."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from localmodel.errors import UserError
from localmodel.store.shared import numbering, tags
from localmodel.store.shared.tags import DELETED, Key

FIRST = Key("models", "iris")
LATER = "0123456789ab"


class Repository:
    """Tags in the order in which they came; `before` runs ahead of each request."""

    def __init__(self, *texts: str) -> None:
        self.tags = list(texts)
        self.before: Callable[[], None] = lambda: None

    def listed(self) -> list[str]:
        self.before()
        return list(self.tags)

    def put(self, tag: str) -> None:
        self.before()
        self.tags.append(tag)

    def claim(self) -> int:
        key = numbering.claimed(FIRST, self.listed, self.put)
        self.tags.append(str(key))
        return key.number


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "_LONGEST_PAUSE", 0)


@pytest.mark.parametrize("request_of_the_first", range(3))
def test_a_writer_that_comes_between_two_requests_gets_another_number(request_of_the_first: int) -> None:
    repository, others = Repository("models.iris.1", "models.iris.1.record"), list[int]()
    left = request_of_the_first

    def other_writer() -> None:
        nonlocal left
        if left == 0:
            repository.before = lambda: None
            others.append(repository.claim())
        left -= 1

    repository.before = other_writer
    own = repository.claim()
    assert len(others) == 1 and own != others[0] and min(own, *others) > 1


def test_writers_in_step_get_different_numbers() -> None:
    repository, numbers, together = Repository(), list[int](), Barrier(2)
    steps = {"left": 6}

    def wait() -> None:
        if steps["left"] > 0:
            steps["left"] -= 1
            together.wait(timeout=60)

    repository.before = wait
    threads = [Thread(target=lambda: numbers.append(repository.claim())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(set(numbers)) == 2
    assert min(numbers) > 1  # both have seen that the other wanted 1


def test_a_number_that_a_killed_writer_wanted_or_that_was_deleted_is_not_used_again() -> None:
    assert Repository(f"models.iris.4.claim-{LATER}").claim() == 5
    assert Repository("models.iris.2", "models.iris.2.record", "models.iris.2.deleted").claim() == 3
    assert Repository("models.iris.x.9", "environments.iris.9").claim() == 1


def test_a_registry_that_does_not_list_what_it_has_accepted_cannot_number() -> None:
    with pytest.raises(UserError, match="does not list") as error:
        numbering.claimed(FIRST, lambda: [], lambda _: None)
    assert error.value.reason == "SharedStoreInvalid"


def test_the_newest_record_of_each_whole_version_counts() -> None:
    name = "iris.3"
    texts = [
        tags.STORE,
        "models.iris.3.1",
        "models.iris.3.1.record",
        *(
            "models.iris.1",
            "models.iris.1.record",
            "models.iris.1.record-2-0123456789ab",
            f"models.iris.1.claim-{LATER}",
        ),
        *("models.iris.1.record-10-0123456789ab", "models.iris.1.record-10-ba9876543210"),
        "models.iris.2.record",  # its writer was killed
        *("models.iris.4", "models.iris.4.record", "models.iris.4.deleted"),
        *(f"models.iris.3.aliases-1-{LATER}", f"models.iris.3.aliases-2-{LATER}"),
        "models.iris.1.something-of-a-later-release",
    ]
    assert tags.state(texts) == {
        Key("models", name, 1): "models.iris.3.1.record",
        Key("models", "iris", 1): "models.iris.1.record-10-ba9876543210",
        Key("models", "iris", 4): DELETED,
        Key("models", name): f"models.iris.3.aliases-2-{LATER}",
    }


def test_a_change_gets_a_tag_that_nobody_has() -> None:
    key = Key("models", "iris", 1)
    first = tags.of_change(key, ["models.iris.1", tags.of_record(key)], b"one")
    again = tags.of_change(key, ["models.iris.1", tags.of_record(key), first], b"one")
    beside = tags.of_change(key, ["models.iris.1", tags.of_record(key)], b"two")
    assert len({first, again, beside}) == 3
    seen = tags.state(["models.iris.1", tags.of_record(key), first, beside, again])
    assert seen == {key: again}


def test_a_name_that_makes_too_long_a_tag_is_refused() -> None:
    longest = Key("environments", "n" * 79, 10**8)
    tags.check_length(longest)
    assert len(tags.of_change(longest, [f"{longest}.record-9999-{LATER}"], b"")) <= 128
    with pytest.raises(UserError, match="may have"):
        tags.check_length(Key("environments", "n" * 90))

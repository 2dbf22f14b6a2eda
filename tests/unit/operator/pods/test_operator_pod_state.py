"""What a pod says of itself, read by an operator that has others to look after."""

from __future__ import annotations

from typing import Any

import pytest

from localmodel_operator.pods import pod_state

TALLY = {"requests": 3, "failed": 1, "seconds": 1.5}
TOLD = {
    "protocol": 1,
    "epoch": 4,
    "heard": 5,
    "revision": "3",
    "content": "sha256:c",
    "environment": "key",
    "serving": True,
    "models": ["sha256:m"],
    "prepared": {"epoch": 5, "content": "sha256:d"},
    "since_switch": TALLY,
    "before_switch": {},
    "recent": {"requests": 2, "failed": 2, "seconds": 1.0},
    "failure": None,
    "killed_for_memory": 2,
}


def test_what_a_server_says() -> None:
    state = pod_state.read(TOLD)
    assert state.killed_for_memory == 2
    assert pod_state.read({name: TOLD[name] for name in TOLD if name != "killed_for_memory"}).killed_for_memory == 0
    assert (state.epoch, state.heard, state.revision, state.prepared) == (4, 5, "3", 5)
    assert (state.content, state.environment, state.serving) == ("sha256:c", "key", True)
    assert (state.models, state.since_switch, state.before_switch) == (frozenset({"sha256:m"}), TALLY, {})
    assert state.recent == {"requests": 2, "failed": 2, "seconds": 1.0}
    assert state.failure == ""


def test_an_older_server_says_less() -> None:
    told = {name: value for name, value in TOLD.items() if name not in ("heard", "recent")}
    state = pod_state.read({**told, "prepared": None, "revision": ""})
    assert (state.heard, state.recent) == (4, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("killed_for_memory", -1),
        ("epoch", None),
        ("epoch", "4"),
        ("epoch", True),
        ("epoch", -1),
        ("epoch", 2**53 + 1),
        ("epoch", float("inf")),
        ("heard", 2**60),
        ("revision", 3),
        ("revision", "three"),
        ("revision", "\u00b3"),
        ("revision", "1" * 100_000),
        ("content", None),
        ("content", "c" * 100_000),
        ("environment", []),
        ("models", None),
        ("models", [[]]),
        ("models", ["m"] * 100_000),
        ("prepared", {"epoch": "x"}),
        ("since_switch", [1]),
        ("since_switch", {"requests": "many"}),
        ("since_switch", {"requests": float("nan")}),
        ("since_switch", {"failed": -1}),
        ("before_switch", {"seconds": 10**400}),
        ("recent", {"requests": -1}),
    ],
)
def test_what_no_server_of_ours_says(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="prepared|epoch" if name == "prepared" else name):
        pod_state.read({**TOLD, name: value})


@pytest.mark.parametrize("name", ["epoch", "revision", "content", "environment", "models"])
def test_what_it_cannot_do_without(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        pod_state.read({each: TOLD[each] for each in TOLD if each != name})


def test_a_long_failure_is_cut() -> None:
    assert len(pod_state.read({**TOLD, "failure": "x" * 1_000_000}).failure) < 10_000

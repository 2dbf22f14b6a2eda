"""What a pod serves when its container starts."""

from __future__ import annotations

import pytest

from localmodel_server.admin.folder import AcceptedRevision
from localmodel_server.admin.start import Choice, WantedRevision, choose

IMAGE = AcceptedRevision(5, "3", "A")
B7 = AcceptedRevision(7, "4", "B")


def wanted(epoch: int, content: str, committed: bool, bundle: bool = False, environment: str = "env") -> WantedRevision:
    return WantedRevision(epoch, content.lower(), content, environment, committed, bundle=b"tar" * bundle)


def chosen(
    accepted: AcceptedRevision | None = None,
    wants: WantedRevision | None = None,
    held: tuple[str, ...] = (),
    lost: str = "",
) -> Choice:
    return choose(IMAGE, "env", accepted, wants, held, lost)


@pytest.mark.parametrize(
    ("accepted", "wants", "held", "source", "serves"),
    [
        # nobody has ever sent anything
        (None, None, (), "image", IMAGE),
        # a newer epoch was accepted: a container that restarts in the middle of, or after, a swap
        (B7, None, ("B",), "held", B7),
        (B7, wanted(7, "B", False), ("B",), "held", B7),
        (B7, wanted(7, "B", True), ("B",), "held", B7),
        # the ConfigMap is older than what was accepted: the kubelet is late
        (B7, wanted(6, "C", True, bundle=True), ("B", "C"), "held", B7),
        # rolled back to the image's content under a newer epoch
        (AcceptedRevision(8, "3", "A"), None, ("B",), "image", AcceptedRevision(8, "3", "A")),
        # a new pod of a newer template: what an older one accepted is not in its folder, or is older
        (AcceptedRevision(4, "2", "Z"), None, ("Z",), "image", IMAGE),
        (AcceptedRevision(5, "2", "Z"), None, ("Z",), "image", IMAGE),
        # wanted, but not committed: not yet
        (None, wanted(6, "B", False, bundle=True), (), "image", IMAGE),
        (None, wanted(6, "B", False, bundle=True), ("B",), "image", IMAGE),
        (B7, wanted(8, "C", False, bundle=True), ("B", "C"), "held", B7),
        # committed elsewhere, and newer
        (None, wanted(6, "A", True), (), "image", AcceptedRevision(6, "a", "A")),
        (B7, wanted(8, "A", True), ("B",), "image", AcceptedRevision(8, "a", "A")),
        (B7, wanted(8, "B", True), ("B",), "held", AcceptedRevision(8, "b", "B")),
        (None, wanted(6, "B", True), ("B",), "held", AcceptedRevision(6, "b", "B")),
        (None, wanted(6, "B", True, bundle=True), (), "bundle", AcceptedRevision(6, "b", "B")),
        (B7, wanted(8, "C", True, bundle=True), ("B",), "bundle", AcceptedRevision(8, "c", "C")),
        # committed elsewhere, and it cannot be had here
        (None, wanted(6, "B", True), (), "behind", AcceptedRevision(6, "b", "B")),
        (None, wanted(6, "B", True, bundle=True, environment="other"), (), "behind", AcceptedRevision(6, "b", "B")),
        # what was accepted has gone
        (B7, None, (), "behind", B7),
        (B7, wanted(7, "B", True, bundle=True), (), "bundle", B7),
        (B7, wanted(7, "B", True, bundle=True, environment="other"), (), "behind", B7),
    ],
)
def test_choices(
    accepted: AcceptedRevision | None,
    wants: WantedRevision | None,
    held: tuple[str, ...],
    source: str,
    serves: AcceptedRevision,
) -> None:
    choice = chosen(accepted, wants, held)
    assert (choice.source, choice.serves) == (source, serves)
    assert choice.gated is False
    assert bool(choice.reason) == (source == "behind")


@pytest.mark.parametrize(
    ("accepted", "wants", "gated"),
    [
        (None, wanted(5, "A", False), True),
        (None, wanted(5, "A", True), False),
        (None, wanted(6, "A", False), False),  # the image has served already, under its own epoch
        (None, wanted(5, "B", False), False),
        (B7, wanted(5, "A", False), False),
        (None, None, False),
    ],
)
def test_the_gate_is_for_a_first_start_that_nobody_has_seen_pass(
    accepted: AcceptedRevision | None, wants: WantedRevision | None, gated: bool
) -> None:
    assert chosen(accepted, wants, ("B",)).gated is gated


@pytest.mark.parametrize(
    ("accepted", "wants", "hold"),
    [
        (None, wanted(5, "A", False), True),
        (None, wanted(5, "A", True), True),
        (AcceptedRevision(4, "2", "Z"), wanted(5, "A", True), True),
        (IMAGE, wanted(5, "A", True), False),  # it was told before its container started again
        (None, wanted(6, "A", True), False),  # it has served already, under its own epoch
        (None, wanted(6, "B", False), False),
        (B7, wanted(7, "B", False), False),
    ],
)
def test_only_what_has_not_served_here_is_held(
    accepted: AcceptedRevision | None, wants: WantedRevision, hold: bool
) -> None:
    assert chosen(accepted, wants._replace(hold=True), ("B",)).hold is hold
    assert chosen(accepted, wants, ("B",)).hold is False


def test_without_knowing_what_was_accepted_nothing_is_served() -> None:
    choice = chosen(None, wanted(9, "A", True), lost="accepted.json cannot be read")
    assert (choice.source, choice.reason) == ("behind", "accepted.json cannot be read")


def test_reasons_say_what_is_missing() -> None:
    assert chosen(None, wanted(6, "B", True)).reason == (
        "revision b (epoch 6) serves elsewhere, and its bundle is missing"
    )
    other = wanted(6, "B", True, bundle=True, environment="other")
    assert chosen(None, other).reason == "revision b (epoch 6) serves elsewhere, which needs another environment"
    assert chosen(B7).reason == "the files of revision 4, which was accepted, are missing"

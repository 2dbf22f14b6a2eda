"""Passes over a resource whose model is at an address: asked once a generation, and never in the way of what serves."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator.simulation import NAMESPACE, PORT, Simulation

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import ModelRef
from localmodel.store.fetched import from_address
from localmodel_operator.cluster import EVENT, REVISION, SECRET
from localmodel_operator.inputs import fetches
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import Shown

URI = "https://models.example/word.txt"
WRONG = f"sha256:{'0' * 64}"


class Place:
    """A place that holds one text, or fails, and what it was asked for."""

    def __init__(self, sim: Simulation, folder: Path) -> None:
        self.sim, self.file = sim, folder / "word.txt"
        self.asked: list[Request] = []
        self.failure: UserError | None = None

    async def fetch(self, request: Request, show: Shown) -> int:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        reference = ModelRef(request.name, uri=self.file.as_uri(), digest=request.digest)
        return from_address.fetch(self.sim.store, reference).version


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


@pytest.fixture(name="place")
def given_place(sim: Simulation, tmp_path: Path) -> Place:
    place = Place(sim, tmp_path)
    place.file.write_text("first")
    sim.fetch = place.fetch
    return place


async def serve(sim: Simulation, answer: str = "first", **fields: Any) -> None:
    sim.serve(answer, models=[{"name": "word", "uri": URI, **fields}])
    await sim.settle()


def versions(sim: Simulation) -> list[int]:
    return [model["version"] for model in sim.owner()["status"]["models"]]


async def test_it_is_fetched_once_for_a_generation(sim: Simulation, place: Place) -> None:
    await serve(sim)
    assert sim.condition("Ready")["status"] == "True" and versions(sim) == [1]
    (model,) = sim.owner()["status"]["models"]
    assert model["digest"] == sim.store.models.get("word", 1).digest
    place.file.write_text("second")
    for _ in range(2):
        sim.look_again()
        await sim.settle()
    sim.start_operator()
    await sim.settle()
    assert len(place.asked) == 1 and versions(sim) == [1]
    await serve(sim, "edited")
    assert len(place.asked) == 2 and versions(sim) == [2]
    assert sim.answer() == "edited" and not sim.wrong()


async def test_a_generation_stays_with_what_it_was_led_to(sim: Simulation, place: Place) -> None:
    sim.apply(given.config_map("files", {"score.py": given.script("first")}))
    fields = {"models": [{"name": "word", "uri": URI}]}
    sim.apply(given.lmd("app", PORT, given.from_config_map("files"), **fields))
    await sim.settle()
    place.file.write_text("second")
    for name, script in (("other.py", "broken"), ("score.py", "edited")):  # no edit of the resource itself
        sim.apply(given.config_map("files", {name: given.script(script)}))
        await sim.settle()
    assert (sim.answer(), versions(sim), len(place.asked)) == ("edited", [1], 1) and not sim.wrong()


async def test_while_it_comes_the_status_says_so_and_events_count_nothing(sim: Simulation, place: Place) -> None:
    await serve(sim)
    messages = [
        condition["message"]
        for _, resource in sim.api.history
        for condition in resource.get("status", {}).get("conditions", [])
        if condition.get("reason") == "FetchingModel"
    ]
    assert f"spec.models[0]: {URI} is being fetched" in messages
    events = [event["message"] for event in sim.api.all(EVENT, NAMESPACE) if event["reason"] == "FetchingModel"]
    assert events == [f"spec.models[0]: {URI} is being fetched"]


async def test_a_digest_that_is_in_the_store_asks_nobody(sim: Simulation, place: Place) -> None:
    await serve(sim)
    await serve(sim, digest=sim.store.models.get("word", 1).digest)
    assert len(place.asked) == 1 and versions(sim) == [1] and sim.condition("Ready")["status"] == "True"


async def test_another_digest_is_stalled_while_the_old_revision_serves(sim: Simulation, place: Place) -> None:
    await serve(sim)
    await serve(sim, "edited", digest=WRONG)
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "DigestMismatch" == sim.condition("ModelResolved")["reason"]
    assert stalled["message"].startswith("spec.models[0]: ") and WRONG in stalled["message"]
    assert stalled["message"].endswith("(revision 1 goes on serving)") and sim.answer() == "first"
    assert len(place.asked) == 2  # not once more with each pass
    await serve(sim, "edited")
    assert sim.answer() == "edited" and not sim.wrong()


@pytest.mark.parametrize("reason", [reasons.ADDRESS_REFUSED, reasons.ADDRESS_NOT_FOUND, reasons.LIBRARY_MISSING])
async def test_what_has_to_be_mended_is_stalled(sim: Simulation, place: Place, reason: reasons.Reason) -> None:
    place.failure = UserError(reason, f"{URI}: no")
    await serve(sim)
    assert sim.condition("Stalled")["reason"] == reason and len(place.asked) == 1
    place.failure = None
    await serve(sim, "edited")
    assert sim.answer() == "edited" and not sim.wrong()


async def test_what_may_pass_is_no_failure(sim: Simulation, place: Place) -> None:
    place.failure = UserError(reasons.ADDRESS_UNREACHABLE, f"{URI}: the connection ended")
    await serve(sim)
    assert not sim.condition("Stalled") and sim.condition("Reconciling")["reason"] == "FetchingModel"
    assert f"{URI}: the connection ended; it is tried again" in sim.condition("Ready")["message"]


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:///models/word.txt", "a cluster reads no files of a machine; register the model"),
        ("ftp://models.example/word.txt", "ftp:// is not among what can be read"),
    ],
)
async def test_what_a_cluster_cannot_read_is_said_at_once(sim: Simulation, place: Place, uri: str, words: str) -> None:
    await serve(sim, uri=uri)
    assert sim.condition("Stalled")["reason"] == "AddressInvalid"
    assert words in sim.condition("Stalled")["message"] and place.asked == []


async def test_a_version_that_was_deleted_is_fetched_again(sim: Simulation, place: Place) -> None:
    await serve(sim)
    sim.store.models.records.remove("word", 1)
    sim.look_again()
    await sim.settle()
    assert len(place.asked) == 2 and versions(sim) == [2] and sim.condition("Ready")["status"] == "True"


async def test_credentials_are_the_secrets_and_stand_nowhere(sim: Simulation, place: Place) -> None:
    place.failure = UserError(reasons.ADDRESS_REFUSED, f"{URI}: the server does not let you read it")
    await serve(sim, credentials={"secret": "hub"})
    stalled = sim.condition("Stalled")
    assert (stalled["reason"], place.asked) == ("CredentialsMissing", [])
    assert "spec.models[0]: credentials: Secret hub does not exist in namespace team" in stalled["message"]

    sim.apply(secret({"token": "t0ps3cret"}))
    await sim.settle()
    assert "has none of the keys username, password" in sim.condition("Stalled")["message"]

    sim.apply(secret({"HF_TOKEN": "old"}))
    await sim.settle()
    assert [request.credentials for request in place.asked] == [{"HF_TOKEN": "old"}]
    place.failure = None
    sim.apply(secret({"HF_TOKEN": "t0ps3cret", "LD_PRELOAD": "/evil.so"}))  # which is tried at once
    await sim.settle()
    assert sim.answer() == "first" and place.asked[-1].credentials == {"HF_TOKEN": "t0ps3cret"}
    written = [resource for _, resource in sim.api.history if resource["kind"] != "Secret"]
    assert "t0ps3cret" not in str(written) and base64.b64encode(b"t0ps3cret").decode() not in str(written)
    assert not any(b"t0ps3cret" in path.read_bytes() for path in sim.store.root.rglob("*") if path.is_file())


REFRESH = {"refresh": {"interval": "5m"}}


@pytest.fixture(name="clock")
def given_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still but for what a test adds to its one element."""
    clock = [1000.0]
    monkeypatch.setattr(fetches.time, "monotonic", lambda: clock[0])
    return clock


async def look_again(sim: Simulation) -> None:
    sim.look_again()
    await sim.settle()


async def test_what_moves_at_an_address_is_followed_as_often_as_asked(
    sim: Simulation, place: Place, clock: list[float]
) -> None:
    await serve(sim, **REFRESH)
    place.file.write_text("second")
    clock[0] += 299
    await look_again(sim)
    assert (len(place.asked), versions(sim)) == (1, [1])
    clock[0] += 2
    await look_again(sim)
    assert (len(place.asked), versions(sim)) == (2, [2])
    revisions = sim.owner()["status"]["revisions"]
    assert revisions["serving"] == revisions["wanted"] == 2 and sim.condition("Ready")["status"] == "True"
    causes = [one["data"]["cause"] for one in sim.api.all(REVISION, NAMESPACE)]
    assert causes == ["created", f"spec.models changed: word ({URI} leads to word:2 now)"]
    assert not sim.wrong()


async def test_what_has_not_moved_is_no_write(sim: Simulation, place: Place, clock: list[float]) -> None:
    await serve(sim, **REFRESH)
    before = len(sim.api.history)
    for looks in (2, 3, 4):
        clock[0] += 301
        await look_again(sim)
        assert len(place.asked) == looks
    assert len(sim.api.history) == before and versions(sim) == [1]


async def test_an_operator_that_has_started_looks_at_once_and_what_came_last_serves(
    sim: Simulation, place: Place, clock: list[float]
) -> None:
    await serve(sim, **REFRESH)
    place.failure = UserError(reasons.ADDRESS_UNREACHABLE, f"{URI}: the connection ended")
    sim.start_operator()
    await sim.settle()
    assert len(place.asked) == 2 and sim.condition("Ready")["status"] == "True" and versions(sim) == [1]
    resolved = sim.condition("ModelResolved")
    assert (resolved["status"], resolved["reason"]) == ("True", "NotRefreshed")
    assert resolved["message"].endswith(f"because its address cannot be looked at again: {URI}: the connection ended")
    place.failure = None
    clock[0] += 6
    await look_again(sim)
    assert sim.condition("ModelResolved")["reason"] == "Resolved" and len(place.asked) == 3


async def test_a_refresh_without_its_secret_lets_serve_what_came_last(
    sim: Simulation, place: Place, clock: list[float]
) -> None:
    sim.apply(secret({"HF_TOKEN": "t0ps3cret"}))
    await serve(sim, credentials={"secret": "hub"}, **REFRESH)
    sim.api.remove(sim.api.find(SECRET, NAMESPACE, "hub"))
    clock[0] += 301
    await look_again(sim)
    assert sim.condition("Ready")["status"] == "True" and not sim.condition("Stalled")
    assert "credentials: Secret hub does not exist" in sim.condition("ModelResolved")["message"]


async def test_a_version_that_was_deleted_is_fetched_again_where_it_is_refreshed(
    sim: Simulation, place: Place, clock: list[float]
) -> None:
    await serve(sim, **REFRESH)
    sim.store.models.records.remove("word", 1)
    await look_again(sim)
    assert len(place.asked) == 2 and versions(sim) == [2] and sim.condition("Ready")["status"] == "True"


def secret(data: dict[str, str]) -> given.Object:
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    return {**given.config_map("hub", encoded), "kind": "Secret"}

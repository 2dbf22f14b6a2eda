"""Passes over a resource whose script is in a Git repository: one commit a generation, or followed where asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator.simulation import PORT, Simulation

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import GitRef
from localmodel.store.fetched import from_git
from localmodel_operator.cluster import EVENT
from localmodel_operator.inputs import fetches
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import Shown

URL = "https://git.example/team/churn.git"


class Repository:
    """A repository with one file, which is committed again and again, or that fails, and what it was asked for."""

    def __init__(self, sim: Simulation) -> None:
        self.sim, self.asked = sim, list[Request]()
        self.failure: UserError | None = None
        self.commit("first")

    def commit(self, answer: str, **others: str) -> None:
        self.files = {
            "score.py": given.script(answer).encode(),
            **{name: text.encode() for name, text in others.items()},
        }
        self.head = answer.encode().hex().rjust(40, "0")

    async def fetch(self, request: Request, show: Shown) -> int:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        git = GitRef(request.uri, request.ref, request.path)
        assert request.name == from_git.name_of(git)
        store, place = self.sim.store, from_git.shown(git)
        return store.code.register(request.name, self.files, request.entry, place, self.head).version


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


@pytest.fixture(name="repository")
def given_repository(sim: Simulation) -> Repository:
    repository = Repository(sim)
    sim.fetch = repository.fetch
    return repository


async def serve(sim: Simulation, git: dict[str, Any] | None = None, **fields: Any) -> None:
    source = {"entryScript": "score.py", "source": {"git": {"url": URL, **(git or {})}}}
    sim.apply(given.lmd("app", PORT, source, **fields))
    await sim.settle()


def commit(sim: Simulation) -> str:
    return str(sim.owner()["status"]["source"]["commit"])


async def test_a_generation_stays_with_its_commit(sim: Simulation, repository: Repository) -> None:
    await serve(sim, {"ref": "main"})
    assert (sim.answer(), commit(sim)) == ("first", repository.head)
    first = repository.head
    repository.commit("second")
    for _ in range(2):
        sim.look_again()
        sim.start_operator()
        await sim.settle()
    assert (sim.answer(), commit(sim), len(repository.asked)) == ("first", first, 1)
    await serve(sim, {"ref": "main"}, env=[{"name": "EDITED", "value": "1"}])
    assert (sim.answer(), commit(sim), len(repository.asked)) == ("second", repository.head, 2) and not sim.wrong()


async def test_the_same_files_in_another_commit_are_no_revision(sim: Simulation, repository: Repository) -> None:
    await serve(sim)
    numbers, repository.head = sim.numbers(), "2" * 40
    await serve(sim, {"path": "scoring"})
    assert commit(sim) == "2" * 40 and sim.numbers() == numbers


async def test_a_commit_is_asked_for_once(sim: Simulation, repository: Repository) -> None:
    await serve(sim, {"ref": repository.head})
    await serve(sim, {"ref": repository.head}, env=[{"name": "EDITED", "value": "1"}])
    assert sim.answer() == "first" and len(repository.asked) == 1


async def test_a_branch_that_moves_is_followed_where_asked_for(
    sim: Simulation, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(fetches.time, "monotonic", lambda: now)
    await serve(sim, {"ref": "main", "refresh": {"interval": "1m"}})
    repository.commit("second")
    for passed, answer in ((10, "first"), (60, "second")):
        now += passed
        sim.look_again()
        await sim.settle()
        assert sim.answer() == answer
    caused = [event["message"] for event in sim.api.all(EVENT) if "leads to commit" in event["message"]]
    assert caused and f"{URL} leads to commit {repository.head[:12]} now" in caused[0]
    repository.failure = UserError(reasons.ADDRESS_UNREACHABLE, "no Git server answers")
    now += 60
    sim.look_again()
    await sim.settle()
    assert sim.condition("ModelResolved")["reason"] == "NotRefreshed" and sim.answer() == "second"
    assert "spec.scoring.source.git: what came last serves" in sim.condition("ModelResolved")["message"]


async def test_what_is_wrong_with_it_leaves_what_serves(sim: Simulation, repository: Repository) -> None:
    await serve(sim)
    first = repository.head
    repository.failure = UserError(reasons.ADDRESS_NOT_FOUND, "the repository has no branch, tag or commit v2")
    await serve(sim, {"ref": "v2"})
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "AddressNotFound" and stalled["message"].startswith("spec.scoring.source.git: ")
    assert sim.answer() == "first"
    repository.failure = None
    repository.commit("broken")
    repository.files["score.py"] = b"def init(: pass"
    await serve(sim, {"ref": "v3"})
    assert "score.py:1" in sim.condition("Stalled")["message"] and sim.answer() == "first"
    assert commit(sim) == repository.head and sim.owner()["status"]["source"]["serving"] == first
    repository.commit("mended", **{"requirements.txt": "six==1.17.0\n"})
    await serve(sim, {"ref": "v4"}, environment={"file": "requirements.txt"})
    assert sim.answer() == "mended" and not sim.wrong()
    assert commit(sim) == sim.owner()["status"]["source"]["serving"] == repository.head


async def test_content_that_the_store_has_lost_is_fetched_again(sim: Simulation, repository: Repository) -> None:
    await serve(sim, {"ref": "main"})
    (code,) = sim.store.code.list()
    sim.store.layout.path(code.digest).unlink()
    sim.look_again()
    await sim.settle()
    assert len(repository.asked) == 2 and sim.answer() == "first" and not sim.wrong()
    assert sim.store.code.files(code)


@pytest.mark.parametrize("url", ["https://[/x.git", "https://me:s3cret#@git.example/x.git"])
async def test_a_broken_address_is_told_and_not_shown(sim: Simulation, repository: Repository, url: str) -> None:
    await serve(sim, {"url": url})
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "AddressInvalid" and stalled["message"].startswith("spec.scoring.source.git: ")
    assert "s3cret" not in str(sim.owner()["status"]) and not repository.asked


async def test_a_secret_says_who_asks(sim: Simulation, repository: Repository) -> None:
    await serve(sim, {"credentials": {"secret": "git"}})
    assert sim.condition("Stalled")["reason"] == "CredentialsMissing" and not repository.asked
    data = {"username": "bWU=", "password": "c2VjcmV0"}
    sim.apply({**given.config_map("git", {}), "kind": "Secret", "data": data})
    await sim.settle()
    assert repository.asked[0].credentials == {"username": "me", "password": "secret"} and sim.answer() == "first"


async def test_a_source_by_git_becomes_another_one(sim: Simulation, repository: Repository) -> None:
    await serve(sim)
    sim.serve("inline")
    await sim.settle()
    assert sim.answer() == "inline" and "source" not in sim.owner()["status"]

"""A revision that is tried on clients' requests is promoted or given up from the page, after one more question."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from localmodel.targets.cluster_view import ClusterTrial, ClusterView
from localmodel.targets.target import DeploymentStatus, Target
from localmodel.ui.deployments import Deployments
from localmodel.ui.pages import Pages

CANARY = ClusterTrial(8, False, 5, 2, 3100, 2, None)
SHADOW = ClusterTrial(8, True, 10, 1, 31, 0, 4)


class Cluster:
    """A cluster with one deployment."""

    name = "kind"

    def __init__(self, trial: ClusterTrial | None) -> None:
        self.trial = trial
        self.asked: list[str] = []

    def get(self, name: str) -> DeploymentStatus:
        return DeploymentStatus(name, False, 7, "http://localhost:6789/score", "")

    def in_cluster(self, name: str) -> ClusterView:
        return ClusterView([], [], [], trial=self.trial)

    def promote(self, name: str, *_: Any) -> DeploymentStatus:
        self.asked.append(f"promote {name}")
        return self.get(name)

    def abort(self, name: str, *_: Any) -> DeploymentStatus:
        self.asked.append(f"abort {name}")
        return self.get(name)


class Page:
    """The pages about the deployments of a cluster."""

    def __init__(self, cluster: Cluster, read_only: bool = False) -> None:
        deployments = Deployments(cast(Target, cluster), Pages("kind", read_only), lambda target, name: str)
        self._transport = httpx.ASGITransport(Starlette(routes=deployments.routes()))

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path))

    def post(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("POST", path))

    async def _ask(self, method: str, path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost") as client:
            return await client.request(method, path)


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (CANARY, "revision 8 answers 5 % of the requests. It has answered 3100, of which 2 failed."),
        (SHADOW, "gets copies of 10 % of the requests. It has answered 31, of which 0 failed and 4 differ"),
    ],
)
def test_a_trial_is_shown_with_its_counts(trial: ClusterTrial, words: str) -> None:
    text = Page(Cluster(trial)).get("/deployments/digits/cluster").text
    assert words in text and 'id="promote"' in text and 'id="abort"' in text
    assert "On trial" not in Page(Cluster(None)).get("/deployments/digits/cluster").text
    read_only = Page(Cluster(trial), read_only=True).get("/deployments/digits/cluster").text
    assert words in read_only and 'id="promote"' not in read_only


@pytest.mark.parametrize(("end", "question"), [("promote", "Promote revision 8?"), ("abort", "Give up revision 8?")])
def test_it_ends_after_one_more_question(end: str, question: str) -> None:
    cluster = Cluster(CANARY)
    page, place = Page(cluster), f"/deployments/digits/trial?end={end}"
    assert question in page.get(place).text and not cluster.asked
    answer = page.post(place)
    assert answer.status_code == 303 and answer.headers["location"] == "/deployments/digits"
    until = time.monotonic() + 30
    while not cluster.asked and time.monotonic() < until:
        time.sleep(0.01)
    assert cluster.asked == [f"{end} digits"]


def test_what_is_not_on_trial_has_no_end() -> None:
    assert Page(Cluster(None)).get("/deployments/digits/trial?end=promote").status_code == 404
    for query in ("", "end=", "end=delete"):
        assert Page(Cluster(CANARY)).get(f"/deployments/digits/trial?{query}").status_code == 404
        assert Page(Cluster(CANARY)).post(f"/deployments/digits/trial?{query}").status_code == 404

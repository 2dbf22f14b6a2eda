"""Another environment is another container: proven first, and the old one stays when it fails."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
from docker_lmd import DockerLmd
from support.lmd_command import Reply, load, script

BASE = "localmodel-test/base:1"
SIX = script("__import__('six').__name__")


@pytest.fixture(scope="module")
def base(engine: object) -> Iterator[str]:
    """An image of the user's own, with something in it."""
    dockerfile = b"FROM python:3.11-slim\nRUN echo from the base image > /opt/told.txt\nUSER 1234\n"
    engine.images.build(fileobj=io.BytesIO(dockerfile), tag=BASE, rm=True)  # type: ignore[attr-defined]
    yield BASE
    engine.images.remove(BASE)  # type: ignore[attr-defined]


def test_another_environment_is_proven_before_the_port_changes_hands(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    old = lmd.container().id
    with load(lmd.port) as outcomes:
        failed = lmd.apply("import nosuchpackage\n" + SIX, environment={"requirements": ["six"]})
        assert failed.code == 1 and "No module named 'nosuchpackage'" in failed.err
        assert f"revision 1 goes on serving at http://localhost:{lmd.port}/score" in failed.err
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception) or outcome.body != 1] == []
    assert lmd.containers() == [old]
    assert "revision 2 does not serve: " in lmd.status()["message"] and lmd.status()["stalled"]

    with load(lmd.port) as outcomes:
        result = lmd.apply(SIX, environment={"requirements": ["six"]})
        time.sleep(0.5)
    assert result.code == 0 and "the port changes hands: requests were turned away for " in result.err
    answers = [outcome.body for outcome in outcomes if isinstance(outcome, Reply) and outcome.status == 200]
    assert (set(map(str, answers)), answers[0], answers[-1]) == ({"1", "six"}, 1, "six")
    # In between it is refused, or told that the revision is loading.
    assert {outcome.status for outcome in outcomes if isinstance(outcome, Reply)} <= {200, 503}
    assert old not in lmd.containers() and len(lmd.containers()) == 1

    back = lmd.apply(script("1"))
    assert "revision 4 serves" in back.out and lmd.ask().body == 1


def test_an_environment_that_cannot_be_had_costs_nothing_but_a_message(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    old = lmd.container().id
    unknown = lmd.apply(script("2"), environment={"requirements": ["six==0.0.0"]})
    assert unknown.code == 1 and "spec.environment.requirements: No solution" in unknown.err
    other = lmd.apply(script("2"), environment={"python": "3.12", "baseImage": "python:3.11-slim"})
    assert other.code == 1 and "base image has Python 3.11, not 3.12" in other.err
    assert "base image has Python 3.11, not 3.12" in lmd("logs", "digits").out
    assert lmd.ask().body == 1 and lmd.containers() == [old]
    assert "what was asked for last does not serve: " in lmd.status()["message"] and lmd.status()["stalled"]


def test_a_base_image_of_ones_own(lmd: DockerLmd, base: str) -> None:
    result = lmd.apply(script("open('/opt/told.txt').read()"), environment={"baseImage": base})
    assert result.code == 0, result.err
    assert "without meaning" not in result.err
    assert lmd.ask().body == "from the base image\n"


def test_a_first_environment_that_fails_is_told_of_and_can_be_deleted(lmd: DockerLmd) -> None:
    result = lmd.apply(script("1"), environment={"baseImage": "localhost:1/nosuch:1"})
    assert result.code == 1 and "spec.environment.baseImage" in result.err
    assert "spec.environment.baseImage: image localhost:1/nosuch:1 cannot be read" in lmd.status()["message"]
    assert lmd("delete", "digits").code == 0
    assert not lmd.state().exists()

"""Builds in the background, with an engine that does what the test says."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from localmodel.engine import build, environment_image
from localmodel.engine.bases import Origin
from localmodel.engine.client import Engine
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates.image import EnvironmentImage
from localmodel_operator.images.environments import Environments

SPEC, LOCK = EnvironmentSpec(), Lock("numpy==2.4.6")
ORIGIN = Origin("amd64")
ONE, TWO = ("team", "one"), ("team", "two")


class FakeEngine:
    """Counts builds; each takes until `go` is set, unless it is cancelled, and then fails with `error` or is well."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.builds = 0
        self.kept: set[str] = set()
        self.seconds = 0.0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def call(self, function: Any, *arguments: Any) -> EnvironmentImage | None:
        if function is environment_image.remove_others:
            self.kept, self.seconds = arguments[1:]
            return None
        self.builds += 1
        cancelled = next(argument for argument in arguments if isinstance(argument, Event))
        while not self.go.is_set():
            await asyncio.sleep(0)
            if cancelled.is_set():
                raise build.BuildCancelledError
        if self.error:
            raise self.error
        return EnvironmentImage("sha256:base", "amd64", "linux", ("PATH=/bin",), (self.layout.add(b"layer"),))

    lend = call


class Made:
    """Environments on a fake engine; `ended` are the owners that were told of an end."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        self.engine = FakeEngine(self.layout)
        self.environments = Environments(
            cast(Engine, self.engine), self.layout, "store", folder / "environments", 3600, ORIGIN
        )
        self.ended: list[tuple[str, str]] = []

    def start(self, owner: tuple[str, str], key: str = "key") -> None:
        self.environments.want(owner, key)
        self.environments.start(key, SPEC, LOCK, lambda: self.ended.append(owner))

    async def settle(self) -> None:
        """Let everything happen that can."""
        for _ in range(200):
            await asyncio.sleep(0)
        assert not self.environments.building()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
async def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_the_key_is_what_the_image_is_made_of() -> None:
    key = Environments.key(SPEC, LOCK, "server")
    assert key == Environments.key(replace(SPEC, requirements=("numpy",)), LOCK, "server"), "the lock counts"
    others = [
        Environments.key(replace(SPEC, python="3.12"), LOCK, "server"),
        Environments.key(replace(SPEC, base_image="mine:1"), LOCK, "server"),
        Environments.key(SPEC, Lock("numpy==2.4.7"), "server"),
        Environments.key(SPEC, LOCK, "newer server"),
    ]
    assert len({key, *others}) == 5


async def test_a_finished_image_is_found_also_after_a_restart(made: Made, tmp_path: Path) -> None:
    assert made.environments.find("key") is None
    made.start(ONE)
    made.engine.go.set()
    await made.settle()
    assert made.ended == [ONE]
    found = Made(tmp_path).environments.find("key")
    assert found and found.variables == ("PATH=/bin",)


async def test_an_image_that_lost_a_layer_is_not_found(made: Made) -> None:
    made.start(ONE)
    made.engine.go.set()
    await made.settle()
    found = made.environments.find("key")
    assert found
    made.layout.remove(found.layers[0].digest)
    assert made.environments.find("key") is None


async def test_two_that_want_the_same_wait_for_one_build(made: Made) -> None:
    made.start(ONE)
    made.start(TWO)
    made.engine.go.set()
    await made.settle()
    assert made.engine.builds == 1
    assert sorted(made.ended) == [ONE, TWO]


async def test_a_build_goes_on_while_anyone_waits_for_it(made: Made) -> None:
    made.start(ONE)
    made.start(TWO)
    await asyncio.sleep(0)
    made.environments.want(ONE, "another")
    made.engine.go.set()
    await made.settle()
    assert made.environments.find("key")


@pytest.mark.parametrize("other", ["another", None])
async def test_a_build_that_nobody_waits_for_ends(made: Made, other: str | None) -> None:
    made.start(ONE)
    await asyncio.sleep(0)
    made.environments.want(ONE, other)
    await made.settle()
    assert made.environments.find("key") is None


async def test_a_cancelled_build_is_begun_anew_when_it_is_wanted_again(made: Made) -> None:
    made.start(ONE)
    await asyncio.sleep(0)
    made.environments.want(ONE, None)
    made.start(ONE)
    for _ in range(20):
        await asyncio.sleep(0)
    made.engine.go.set()
    await made.settle()
    assert made.environments.find("key")
    assert made.engine.builds == 2


async def test_a_failure_is_told_and_not_tried_again_for_a_minute(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.engine.error = UserError("EnvironmentBuildFailed", "no such package")
    made.engine.go.set()
    made.start(ONE)
    await made.settle()
    for owner in (ONE, TWO):
        with pytest.raises(UserError, match="no such package"):
            made.start(owner)
    assert made.engine.builds == 1
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    made.engine.error = None
    made.start(ONE)
    await made.settle()
    assert made.environments.find("key")


async def test_an_engine_that_breaks_is_a_failure_in_words(made: Made) -> None:
    made.engine.error = OSError("no space left on device")
    made.engine.go.set()
    made.start(ONE)
    await made.settle()
    with pytest.raises(UserError, match="no space left") as caught:
        made.start(ONE)
    assert caught.value.reason == "EnvironmentBuildFailed"


async def test_no_more_than_two_builds_at_once(made: Made) -> None:
    for number in range(4):
        made.start(("team", str(number)), f"key-{number}")
    for _ in range(50):
        await asyncio.sleep(0)
    assert made.engine.builds == 2
    made.engine.go.set()
    await made.settle()
    assert made.engine.builds == 4


async def test_what_is_used_or_waited_for_is_not_forgotten(made: Made) -> None:
    made.engine.go.set()
    for owner, key in ((ONE, "used"), (TWO, "waited for"), (("team", "gone"), "neither")):
        made.start(owner, key)
        await made.settle()
    made.environments.want(ONE, None)
    made.environments.want(("team", "gone"), None)
    assert not await made.environments.forget({"used"}, set())
    assert made.environments.keys() == made.engine.kept == {"used", "waited for"}


async def test_what_was_used_until_now_stays_for_an_hour(made: Made, home: Path) -> None:
    made.engine.go.set()
    made.start(ONE)
    await made.settle()
    made.environments.want(ONE, None)
    assert await made.environments.forget(set(), {"key"}), "delete"
    assert made.environments.keys() == {"key"} and made.engine.seconds == 3600
    made.start(TWO)  # which finds it built: apply again
    assert made.environments.find("key")
    made.environments.want(TWO, None)
    log = home / "build-logs" / "key.log"
    os.utime(log, (0, time.time() - 3000))
    assert await made.environments.forget(set(), set())
    os.utime(log, (0, time.time() - 4000))
    assert not await made.environments.forget(set(), set()) and made.environments.keys() == set()

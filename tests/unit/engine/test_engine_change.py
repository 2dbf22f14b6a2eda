"""Which images of the engine another one may be made from."""

import json
from typing import Any

import docker
import pytest

from localmodel.engine import change, context
from localmodel.engine.change import WantedImage
from localmodel.environments.locks.lock import Lock
from localmodel.resource.spec import EnvironmentSpec

LOCK = Lock("a==1 --hash=sha256:aa\nb==1 --hash=sha256:bb\n")
WANTED = WantedImage(
    "wanted", "localmodel.dev/environment/store:wanted", "store", "sha256:base", EnvironmentSpec(), LOCK
)


class FakeEngine:
    """An engine whose images are given; it answers for one family only."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.api = self
        self._images = images

    def images(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        wanted = set(filters["label"])
        return [image for image in self._images if wanted <= {f"{k}={v}" for k, v in image["Labels"].items()}]


def image(key: str, lock: Lock = LOCK, tags: tuple[str, ...] = (), **history: int) -> dict[str, Any]:
    labels = {"localmodel.dev/store": "store", **change.labels(WANTED, **history)}
    labels["localmodel.dev/packages"] = change.labels(WantedImage(key, "", "store", WANTED.base, WANTED.spec, lock))[
        "localmodel.dev/packages"
    ]
    return {"Id": f"sha256:{key}", "Labels": labels, "RepoTags": [*tags, f"localmodel.dev/environment/store:{key}"]}


def near(*images: dict[str, Any], usable: tuple[str, ...] = ("one", "two"), wanted: WantedImage = WANTED) -> str | None:
    engine: Any = FakeEngine(*images)
    client: docker.DockerClient = engine
    found = change.near(client, wanted, usable.__contains__)
    return found.key if found else None


def test_the_nearest_one_is_found_by_what_its_labels_say() -> None:
    one = Lock("a==1 --hash=sha256:aa\n")
    assert near(image("one", one), image("two", tags=("mine:1",))) == "two"
    assert near(image("one", one), image("two"), usable=("one",)) == "one"
    assert near(image("one", one), image("two"), usable=()) is None


def test_layers_do_not_pile_up() -> None:
    assert near(image("one", changes=8), image("two", changes=7)) == "two"
    assert near(image("one", changes=8)) is None


def test_an_image_of_which_most_is_hidden_is_not_built_upon() -> None:
    assert near(image("one", changes=1, dead=100, live=100)) == "one"
    assert near(image("one", changes=1, dead=101, live=100)) is None


@pytest.mark.parametrize(
    "other",
    [
        WantedImage("wanted", WANTED.tag, "store", "sha256:newer", WANTED.spec, LOCK),
        WantedImage("wanted", WANTED.tag, "store", "sha256:base", EnvironmentSpec("3.12"), LOCK),
        WantedImage("wanted", WANTED.tag, "other", "sha256:base", WANTED.spec, LOCK),
    ],
)
def test_another_base_python_or_store_starts_from_nothing(other: WantedImage) -> None:
    assert near(image("one"), wanted=other) is None


def test_another_server_starts_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    there = image("one")
    monkeypatch.setattr(context, "server_digest", lambda: "newer")
    assert near(there) is None


def test_the_labels_tell_what_a_reader_can_use() -> None:
    found = change.labels(WANTED, 2, 10, 20)
    assert json.loads(found["localmodel.dev/changes"]) == {"changes": 2, "dead": 10, "live": 20}
    assert set(json.loads(found["localmodel.dev/packages"])) == {"a", "b"}

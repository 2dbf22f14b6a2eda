"""Delivery to nodes: who is asked, what is sent, and what one bad node does to the others (nothing)."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from localmodel import digests
from localmodel.engine import nodes
from localmodel.engine.nodes import Node, NodeError
from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.updates.held import Gap, Held
from localmodel.updates.image import Image, chain_ids
from localmodel_operator.images.delivery import Delivered
from localmodel_operator.images.delta_import import DeltaImport
from localmodel_operator.images.transfers import Transfers


class Nodes:
    """An engine whose nodes are plain values. What is in `broken` fails, what is in `hanging` waits for `go`."""

    def __init__(self, layout: Layout, *names: str) -> None:
        self.layout = layout
        self.images: dict[str, set[str]] = {name: set() for name in names}
        self.chains: dict[str, set[str]] = {name: set() for name in names}
        self.broken: dict[str, str] = {}
        self.hanging: set[str] = set()
        self.go = asyncio.Event()
        self.calls: list[tuple[str, str]] = []
        self.sent: list[tuple[str, int]] = []
        self.bytes: list[tuple[str, int]] = []
        self.files: dict[str, bytes] = {}  # of pods, on any node

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if function is nodes.nodes:
            return [Node(f"id-{name}", name, ()) for name in self.images]
        name = arguments[0].name
        self.calls.append((function.__name__, name))
        if name in self.hanging:
            await self.go.wait()
        if name in self.broken:
            raise NodeError(self.broken[name])
        await asyncio.sleep(0)
        return getattr(self, f"_{function.__name__}")(name, *arguments[1:])

    def _usable_images(self, name: str) -> set[str]:
        return set(self.images[name])

    def _chain_ids(self, name: str) -> set[str]:
        return set(self.chains[name])

    def _load(self, name: str, archive: Any, reference: str, folder: str, gaps: list[Gap]) -> None:
        stream, whole = io.BytesIO(b"".join(archive)), b""
        self.bytes.append((name, len(stream.getvalue())))
        for gap in gaps:
            whole += stream.read(gap.sent) + self.files.get(f"{folder}/{gap.path}", b"")
        try:
            with tarfile.open(fileobj=io.BytesIO(whole + stream.read())) as sent:
                names = sent.getnames()
                contents = {member.name: sent.extractfile(member).read() for member in sent if member.isfile()}  # type: ignore[union-attr]
        except tarfile.TarError as error:
            raise NodeError(str(error)) from None
        for path, content in contents.items():
            if path.startswith("blobs/") and digests.of_bytes(content) != path.removeprefix("blobs/").replace("/", ":"):
                raise NodeError(f"content digest {path}: not found")
        image = IMAGES[reference]
        chains = chain_ids(layer.digest for layer in image.layers)
        carried = [layer for layer in image.layers if f"blobs/{layer.digest.replace(':', '/')}" in names]
        self.sent.append((name, len(carried)))
        for layer, chain in zip(image.layers, chains, strict=True):
            if chain not in self.chains[name] and layer not in carried:
                raise NodeError(f"content digest {layer.digest}: not found")
        self.chains[name].update(chains)
        self.images[name].add(reference)

    def asked(self, name: str) -> int:
        return self.calls.count(("usable_images", name))


IMAGES: dict[str, Image] = {}


def image(layout: Layout, *contents: bytes) -> tuple[Image, str]:
    """An image of a layer for each content, and a reference to it."""
    stack = [layout.write(layers.tar([layers.Entry("f", content)])) for content in contents]
    made = Image(layout.add(b"manifest" + b"".join(contents)), layout.add(b"config"), tuple(stack))
    reference = f"localmodel.dev/deployment/uid@{made.manifest.digest}"
    IMAGES[reference] = made
    return made, reference


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
async def engine(layout: Layout) -> Nodes:
    return Nodes(layout, "one", "two", "three")


@pytest.fixture
async def delivery(engine: Nodes, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeltaImport]:
    monkeypatch.setattr("localmodel_operator.images.delta_import._PATIENCE", 0.2)
    made = DeltaImport(engine, layout, "cluster")  # type: ignore[arg-type]
    made._transfers = Transfers(layout.root / "lock", patience=1.0)
    yield made
    engine.go.set()
    made.stop()
    await asyncio.sleep(0)


async def deliver(delivery: DeltaImport, made: tuple[Image, str], done: Callable[[], None] = list) -> Delivered:
    return await delivery.deliver(*made, {}, done)


async def test_every_node_gets_it(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    made = image(layout, b"base", b"code")
    assert await delivery.lacking(made[1]) == ["one", "two", "three"]
    delivered = await deliver(delivery, made)
    assert (delivered.complete, set(delivered.to)) == (True, {"one", "two", "three"})
    assert all(made[1] in images for images in engine.images.values())
    assert await delivery.lacking(made[1]) == []


async def test_a_settled_pass_asks_no_node(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    made = image(layout, b"base", b"code")
    await deliver(delivery, made)
    before = len(engine.calls)
    assert await delivery.lacking(made[1]) == []
    assert len(engine.calls) == before


async def test_an_edit_costs_each_node_one_command(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    await deliver(delivery, image(layout, b"base", b"code"))
    engine.calls.clear()
    edited = image(layout, b"base", b"edited")
    assert await delivery.lacking(edited[1]) == ["one", "two", "three"]
    assert (await deliver(delivery, edited)).complete
    assert sorted(engine.calls) == [("load", "one"), ("load", "three"), ("load", "two")]
    assert engine.sent[-3:] == [(name, 1) for name, _ in engine.sent[-3:]]


async def test_a_broken_node_is_named_and_holds_nobody_up(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    engine.broken["two"] = "no space left on device"
    delivered = await deliver(delivery, image(layout, b"base"))
    assert (delivered.usable, delivered.complete) == (True, False)
    assert delivered.message == "delivered to 2 of 3 nodes; two: no space left on device"
    assert delivered.again_after is not None and 0 < delivered.again_after <= 1


async def test_a_broken_node_is_left_alone_for_a_while(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    engine.broken["two"] = "no space left on device"
    made = image(layout, b"base")
    first = await deliver(delivery, made)
    del engine.broken["two"]
    assert (await deliver(delivery, made)).failed == first.failed  # not tried yet
    delivery.renew()
    assert (await deliver(delivery, made)).complete


async def test_a_node_that_hangs_holds_nobody_up(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    made = image(layout, b"base")
    engine.hanging.add("two")
    told = asyncio.Event()
    async with asyncio.timeout(30):
        assert await delivery.lacking(made[1]) == ["one", "two", "three"]
        delivered = await deliver(delivery, made, told.set)
        assert delivered.message == "delivered to 2 of 3 nodes; on its way to two"
        assert await delivery.lacking(made[1]) == ["two"]
        assert not told.is_set()
        engine.go.set()
        await told.wait()
        assert (await deliver(delivery, made)).complete


async def test_a_node_that_hangs_is_asked_once(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    engine.hanging.add("two")
    reference = image(layout, b"base")[1]
    for _ in range(5):
        await delivery.lacking(reference)
    assert engine.asked("two") == 1


async def test_a_pruned_image_is_found_out_when_a_pod_complains(
    delivery: DeltaImport, engine: Nodes, layout: Layout
) -> None:
    made = image(layout, b"base", b"code")
    await deliver(delivery, made)
    engine.images["two"].clear()
    assert await delivery.lacking(made[1]) == []
    delivery.doubt()
    assert await delivery.lacking(made[1]) == ["two"]
    assert (await deliver(delivery, made)).complete
    assert engine.sent[-1] == ("two", 0)


async def test_beliefs_fade(
    delivery: DeltaImport, engine: Nodes, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = image(layout, b"base")
    await deliver(delivery, made)
    engine.images["two"].clear()
    monkeypatch.setattr("localmodel_operator.images.delta_import._BELIEVED", -1.0)
    assert await delivery.lacking(made[1]) == ["two"]


async def test_layers_that_went_behind_our_back_are_sent_again(
    delivery: DeltaImport, engine: Nodes, layout: Layout
) -> None:
    await deliver(delivery, image(layout, b"base", b"packages", b"code"))
    engine.chains["one"] = set(chain_ids([image(layout, b"base")[0].layers[0].digest]))
    engine.sent.clear()
    edited = image(layout, b"base", b"packages", b"edited")
    assert (await deliver(delivery, edited)).complete
    # what is believed, then what the node says it lacks: never all of it in vain
    assert [count for name, count in engine.sent if name == "one"] == [1, 2]


MODEL = bytes(range(256)) * 1000
HELD = Held("/pods/uid/state", {"f": "models/ab/f"})


async def test_a_model_that_a_pod_was_sent_is_taken_from_there(
    delivery: DeltaImport, engine: Nodes, layout: Layout
) -> None:
    await deliver(delivery, image(layout, b"base"))
    engine.files["/pods/uid/state/models/ab/f"] = MODEL
    made = image(layout, b"base", MODEL, b"code")
    engine.bytes.clear()
    assert (await delivery.deliver(*made, {"two": HELD}, list)).complete
    sizes = dict(engine.bytes)
    assert len(engine.bytes) == 3
    assert sizes["one"] - sizes["two"] == sizes["three"] - sizes["two"] == len(MODEL)


@pytest.mark.parametrize("content", [b"", MODEL[:-1], MODEL[:-1] + b"?"])
async def test_a_model_that_a_pod_has_lost_or_changed_is_sent(
    delivery: DeltaImport, engine: Nodes, layout: Layout, content: bytes
) -> None:
    await deliver(delivery, image(layout, b"base"))
    engine.files["/pods/uid/state/models/ab/f"] = content
    made = image(layout, b"base", MODEL, b"code")
    engine.calls.clear()
    assert (await delivery.deliver(*made, {"two": HELD}, list)).complete
    assert made[1] in engine.images["two"]
    assert engine.calls.count(("load", "two")) == 2, "once in vain"
    assert engine.sent[-1] == ("two", 2), "and no layer that the node has"


async def test_a_new_operator_finds_a_changed_model_out_by_one_send(
    delivery: DeltaImport, engine: Nodes, layout: Layout
) -> None:
    made = image(layout, b"base", MODEL, b"code")
    assert (await delivery.deliver(*made, {"two": HELD}, list)).complete
    assert engine.calls.count(("load", "two")) == 2


async def test_a_node_made_anew_gets_everything(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    made = image(layout, b"base", b"code")
    await deliver(delivery, made)
    engine.images["four"], engine.chains["four"] = set(), set()
    delivered = await deliver(delivery, made)
    assert (delivered.complete, len(delivered.to), engine.sent[-1]) == (True, 4, ("four", 2))


async def test_two_images_on_one_new_base_send_it_once(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    both = image(layout, b"base", b"one"), image(layout, b"base", b"two")
    await asyncio.gather(*(deliver(delivery, made) for made in both))
    assert sorted(count for name, count in engine.sent if name == "one") == [1, 2]


async def test_nothing_usable_where_no_node_takes_it(delivery: DeltaImport, engine: Nodes, layout: Layout) -> None:
    engine.broken |= dict.fromkeys(engine.images, "it is paused")
    delivered = await deliver(delivery, image(layout, b"base"))
    assert not delivered.usable
    assert delivered.message == ("delivered to 0 of 3 nodes; one: it is paused; three: it is paused; two: it is paused")


async def test_failures_rest_longer_each_time(tmp_path: Path) -> None:
    sendings = Transfers(tmp_path / "lock", patience=1)
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise NodeError("no")

    rests = []
    for _ in range(3):
        state = await sendings.begin("image", {"node": fail}, list)
        rests.append(state.again_after)
        failure = sendings._failures["node", "image"]
        sendings._failures["node", "image"] = type(failure)(failure.why, failure.count, 0.0)
    assert tries == 3
    assert [round(rest or 0) for rest in rests] == [1, 2, 4]


async def test_an_error_nobody_foresaw_is_a_failure_too(tmp_path: Path) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("oh")

    state = await Transfers(tmp_path / "lock").begin("image", {"node": fail}, list)
    assert state.failed == {"node": "ZeroDivisionError: oh"}

"""Files and registries of others: whatever they hold, one sentence says what is wrong, and nothing is taken in."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hostile_archives
import pytest
from hostile_archives import END, GOOD, PARCELS, Parcel, headers, member, registry

from localmodel.errors import UserError
from localmodel.store import Store

ESCAPED = Path("/tmp/localmodel-escaped")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, list[Parcel]]]:
    with registry() as given:
        yield given


def refused(store: Store, take_in: Callable[[], object]) -> None:
    with pytest.raises(UserError) as told:
        take_in()
    assert str(told.value).isprintable() and len(str(told.value)) < 1000
    assert (store.models.list(), store.environments.list()) == ([], []) if store.root.exists() else True
    assert not ESCAPED.exists() and not list(store.root.parent.parent.rglob("escaped"))
    assert not list((store.root / "incoming").glob("*"))
    store.collect_garbage()
    assert store.layout.blobs() == []


FILES = dict(hostile_archives.files(Path()))


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file(store: Store, tmp_path: Path, name: str) -> None:
    path = dict(hostile_archives.files(tmp_path))[name]()
    refused(store, lambda: store.import_from(path))


@pytest.mark.parametrize("name", [name for name in FILES if "of headers" in name or "of long names" in name])
def test_a_program_that_allows_deep_calls_is_no_less_safe(store: Store, tmp_path: Path, name: str) -> None:
    """Scripts and libraries raise the limit: mypy to 16,384."""
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        test_a_hostile_file(store, tmp_path, name)
    finally:
        sys.setrecursionlimit(allowed)


@pytest.mark.parametrize("name", PARCELS)
def test_a_hostile_registry(store: Store, served: tuple[str, list[Parcel]], name: str) -> None:
    host, parcels = served
    parcels.append(PARCELS[name])
    refused(store, lambda: store.pull(f"{host}/models/m:1"))


def test_one_bad_version_keeps_all_of_a_file_out(store: Store, tmp_path: Path) -> None:
    import json

    good, bad = Parcel(), Parcel(layer=hostile_archives.LAYERS["fifo"])
    name = "org.opencontainers.image.ref.name"
    entries = [
        {**hostile_archives.descriptor(each.manifest), "annotations": {name: f"models/m/{number}"}}
        for number, each in enumerate((good, bad), 1)
    ]
    both = Parcel(index=json.dumps({"manifests": entries}).encode())
    path = both.file(tmp_path / "both.tar")
    blobs = [member(f"blobs/{key.replace(':', '/')}", each) for key, each in bad.blobs.items() if key not in good.blobs]
    path.write_bytes(path.read_bytes()[: -len(END)] + b"".join(blobs) + END)
    refused(store, lambda: store.import_from(path))


@pytest.mark.parametrize("name", [*hostile_archives.NO_OBJECTS])
def test_a_record_that_is_about_nothing_is_lost(store: Store, tmp_path: Path, name: str) -> None:
    content = hostile_archives.NO_OBJECTS[name] or b" "
    (arrived,) = store.import_from(Parcel(about=content).file(tmp_path / "m.tar"))
    assert arrived.name == "m" and store.models.get("m").tags == {}


ODD_NAMES = {
    "control characters": "model/\x1b[2J\r\nx",
    "not UTF-8": "model/\udcff",
    "backslash": "model\\..\\..\\escaped",
    "device": "CON",
    "twins": "MODEL/weights",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=list(ODD_NAMES))
def test_odd_names_are_names(store: Store, tmp_path: Path, name: str) -> None:
    layer = member("model/weights", b"w") if name.startswith("model/") else b""
    layer += member("x/" + name if not layer else name, b"odd") + END
    (arrived,) = store.import_from(Parcel(layer=layer).file(tmp_path / "m.tar"))
    place = store.models.download(arrived.name, arrived.version, tmp_path / "out")
    found = {str(each.relative_to(tmp_path / "out")): each for each in place.rglob("*") if each.is_file()}
    assert any(each.read_bytes() == b"odd" for each in found.values())
    assert sorted(hostile_archives.in_memory(layer)) == sorted(found)


def test_headers_for_all_members_do_not_last(store: Store, tmp_path: Path) -> None:
    """They would be kept as long as the archive is read, and could name what comes."""
    layer = headers(b"g", b"16 path=escaped\n") + member("model/a", b"1") + member("model/b", b"2") + END
    refused(store, lambda: store.import_from(Parcel(layer=layer).file(tmp_path / "m.tar")))


def test_long_headers_take_no_memory(tmp_path: Path) -> None:
    """300 MB of them, in a file with holes; twice: in the file, and in a layer of it."""
    path = tmp_path / "large.tar"
    with path.open("wb") as file:
        info = headers(b"x", b"314572800 a=")
        file.write(info[:124] + b"%011o\0" % 314572800 + info[136:512])
    content = bytearray(path.read_bytes())
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    with path.open("wb") as file:
        file.write(content + b"314572800 a=")
        file.truncate(512 + 314572800)
        file.seek(0, 2)
        file.write(GOOD + END)
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from localmodel.errors import UserError\n"
        "from localmodel.store import Store\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    Store(Path(sys.argv[1])).import_from(Path(sys.argv[2]))\n"
        "except UserError as error:\n    print(error.reason)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "store"), str(path)]
    reason, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert reason == "ArchiveInvalid" and int(kilobytes) < 100_000

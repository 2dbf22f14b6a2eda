"""What somebody may put into a model's file, or serve as a registry, to harm whoever takes it in."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WEIGHTS = "application/vnd.cncf.model.weight.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
RECORD = "application/vnd.localmodel.record.v1+json"
END = bytes(1024)
DEEP = b"[" * 200_000
# JSON of others that is none, or not what is asked for
NO_OBJECTS = {
    "deep": DEEP,
    "deep objects": b'{"a":' * 100_000,
    "bytes": b"\xff\xfe",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "number": b"5",
    "infinite": b'{"a": 1e400}',
    "nan": b'{"a": NaN}',
    "digits": b'{"a": %s}' % (b"9" * 10_000),
    "half a pair": b'{"a": "\\ud800"}',
}


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", **pax: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, link, len(content), pax
    return info.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


def claiming(name: str, size: int) -> bytes:
    """A member that says that it has so many bytes, and has none."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def headers(kind: bytes, content: bytes, name: str = "x") -> bytes:
    """A header about headers."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


GOOD = member("model", kind=tarfile.DIRTYPE) + member("model/weights", b"w" * 10)
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "x", "GNU.sparse.name": "y", "GNU.sparse.realsize": "z"}
LAYERS: dict[str, bytes] = {
    "dots": GOOD + member("model/../../escaped", b"x") + END,
    "absolute": GOOD + member("/tmp/localmodel-escaped", b"x") + END,
    "absolute link": GOOD + member("model/l", kind=tarfile.SYMTYPE, link="/etc/passwd") + END,
    "link out": GOOD + member("model/l", kind=tarfile.SYMTYPE, link="../../../escaped") + END,
    "link inside": GOOD + member("model/l", kind=tarfile.SYMTYPE, link="weights") + END,
    "file through a link": member("model", kind=tarfile.SYMTYPE, link="/tmp") + member("model/escaped", b"x") + END,
    "hard link": GOOD + member("model/l", kind=tarfile.LNKTYPE, link="model/weights") + END,
    "hard link out": GOOD + member("model/l", kind=tarfile.LNKTYPE, link="/etc/passwd") + END,
    "device": GOOD + member("model/d", kind=tarfile.CHRTYPE) + END,
    "block device": GOOD + member("model/d", kind=tarfile.BLKTYPE) + END,
    "fifo": GOOD + member("model/p", kind=tarfile.FIFOTYPE) + END,
    "unknown kind": GOOD + member("model/p", kind=b"Z") + END,
    "no tar": b"no tar at all",
    "no bytes": b"",
    "empty": bytes(10240),
    "compressed": gzip.compress(GOOD + END),
    "compressed bomb": gzip.compress(bytes(50 << 20)),
    "below a file": GOOD + member("model/weights/x", b"x") + END,
    "file for a folder": GOOD + member("model", b"x") + END,
    "twice": GOOD + member("model/weights", b"x") + END,
    "long name": GOOD + member("model/" + "n" * 300, b"x") + END,
    "very long name": GOOD + member("model/" + "n/" * 50_000 + "n", b"x") + END,
    "deep": GOOD + member("d/" * 3000 + "x", b"x") + END,
    "rather deep": GOOD + member("model/" + "d/" * 1500 + "x", b"x") + END,
    "two tops": GOOD + member("other", b"x") + END,
    "cut off": (GOOD + END)[:1300],
    "without an end": GOOD,
    "broken in the middle": GOOD + b"\xff" * 1024 + member("model/y", b"x") + END,
    "size lie": GOOD + claiming("model/y", 1 << 40) + END,
    "negative size": GOOD + claiming("model/y", -(1 << 40)) + END,
    "size of the headers": GOOD + member("model/y", b"x", size=str(1 << 60)) + END,
    "size without a number": GOOD + member("model/y", b"x", size="-1") + END,
    "sparse": GOOD + member("model/y", b"x", **SPARSE) + END,
    "old sparse": GOOD + member("model/y", b"x", kind=tarfile.GNUTYPE_SPARSE) + END,
    "headers of headers": GOOD + headers(tarfile.XHDTYPE, b"6 a=b\n") * 3000 + member("model/y", b"x") + END,
    "long names of long names": GOOD + headers(tarfile.GNUTYPE_LONGNAME, b"y\0") * 3000 + member("model/y") + END,
    "large headers": GOOD + headers(tarfile.XHDTYPE, b"9000000 a=" + b"x" * 8_999_989 + b"\n") + END,
    "nul": GOOD + member("model/y", b"x", path="model/a\0b") + END,
}


def descriptor(content: bytes, kind: str = "x") -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Parcel:
    """A model as it travels. What is asked for is made from the parts, each of which may be replaced before."""

    def __init__(self, **parts: bytes) -> None:
        self.layer = parts.get("layer", GOOD + END)
        self.config = parts.get("config", json.dumps({"descriptor": {"name": "m"}}).encode())
        self.record = parts.get("record", json.dumps({"name": "m", "tags": {"a": "b"}}).encode())
        self.manifest = parts.get("manifest") or self._manifest()
        about = {"artifactType": RECORD, "subject": descriptor(self.manifest), "config": descriptor(b"{}")}
        self.about = parts.get("about") or json.dumps({**about, "layers": [descriptor(self.record)]}).encode()
        self.index = parts.get("index")

    def _manifest(self) -> bytes:
        kind = "application/vnd.cncf.model.manifest.v1+json"
        named = {"config": descriptor(self.config), "layers": [descriptor(self.layer, WEIGHTS)]}
        return json.dumps({"mediaType": MANIFEST, "artifactType": kind, **named}).encode()

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest(each): each for each in (self.layer, self.config, self.record, self.about, self.manifest, b"{}")}

    def file(self, path: Path) -> Path:
        """As `lmd model export` would write it."""
        name = "org.opencontainers.image.ref.name"
        named = {"models/m/1": self.manifest, "models/m/1.record": self.about}
        entries = [{**descriptor(content), "annotations": {name: ref}} for ref, content in named.items()]
        index = json.dumps({"manifests": entries}).encode() if self.index is None else self.index
        blobs = [member(f"blobs/{name.replace(':', '/')}", content) for name, content in self.blobs.items()]
        path.write_bytes(member("index.json", index) + b"".join(blobs) + END)
        return path


def changed(**fields: Any) -> bytes:
    """The good parcel's manifest with other fields."""
    return json.dumps({**json.loads(Parcel().manifest), **fields}).encode()


def lying(**fields: Any) -> dict[str, Any]:
    return {**descriptor(GOOD + END, WEIGHTS), **fields}


MANIFESTS: dict[str, bytes] = {
    **NO_OBJECTS,
    "no layers": changed(layers=[]),
    "layers are a number": changed(layers=5),
    "absurdly many layers": changed(layers=[lying()] * 10_000),
    "negative size": changed(layers=[lying(size=-1)]),
    "size is true": changed(layers=[lying(size=True)]),
    "size is text": changed(layers=[lying(size="5")]),
    "size is a fraction": changed(layers=[lying(size=2560.5)]),
    "size is huge": changed(layers=[lying(size=1 << 70)]),
    "more than there is": changed(layers=[lying(size=1 << 50)]),
    "less than there is": changed(layers=[lying(size=5)]),
    "digest leads out": changed(layers=[lying(digest="sha256:../../../etc/passwd")]),
    "digest is a list": changed(layers=[lying(digest=[])]),
    "digest of nothing": changed(layers=[lying(digest="sha256:" + "0" * 64)]),
    "another algorithm": changed(layers=[lying(digest="md5:" + "0" * 32)]),
    "config is null": changed(config=None),
    "huge config": changed(config={**descriptor(b"{}"), "size": 1 << 40}),
    "artifact is a list": changed(artifactType=[]),
}
CONFIGS = {**NO_OBJECTS, "descriptor is text": b'{"descriptor": "m"}'}
RECORDS = {
    **{name: content for name, content in NO_OBJECTS.items() if name not in ("empty", "null")},
    "tags are a list": b'{"name": "m", "tags": ["a"]}',
    "a tag is deep": b'{"name": "m", "tags": {"a": %s%s}}' % (b"[" * 500, b"]" * 500),
    "description is a number": b'{"name": "m", "description": 5}',
    "created is text": b'{"name": "m", "created": "\\u001b[2J"}',
    "name leads out": b'{"name": "../../m"}',
    "name is long": b'{"name": "%s"}' % (b"m" * 300),
    "half a pair in a tag": b'{"name": "m", "tags": {"a": "\\ud800"}}',
}
PARCELS: dict[str, Parcel] = {
    **{f"layer: {name}": Parcel(layer=content) for name, content in LAYERS.items()},
    **{f"manifest: {name}": Parcel(manifest=content) for name, content in MANIFESTS.items() if content},
    **{f"config: {name}": Parcel(config=content) for name, content in CONFIGS.items()},
    **{f"record: {name}": Parcel(record=content) for name, content in RECORDS.items()},
}
INDEXES = {
    **NO_OBJECTS,
    "manifests are text": b'{"manifests": "x"}',
    "a manifest is null": b'{"manifests": [null]}',
    "no name": json.dumps({"manifests": [descriptor(Parcel().manifest)]}).encode(),
    "large": b'{"manifests": [%s]}' % (b"[]," * (6 << 20) + b"[]"),
}


def files(folder: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Files for lmd model import: by name, what writes them."""
    for name, parcel in PARCELS.items():
        yield name, lambda parcel=parcel: parcel.file(folder / "hostile.tar")  # type: ignore[misc]
    for name, content in INDEXES.items():
        yield f"index: {name}", lambda content=content: Parcel(index=content).file(folder / "hostile.tar")  # type: ignore[misc]
    for name, content in LAYERS.items():
        if name not in ("two tops", "long name"):  # which no file gets
            yield f"file: {name}", lambda content=content: _with_members(folder, content)  # type: ignore[misc]


def _with_members(folder: Path, content: bytes) -> Path:
    """A file that begins as a good one, and goes on with the members of a bad layer."""
    path = Parcel().file(folder / "hostile.tar")
    path.write_bytes(path.read_bytes()[: -len(END)] + content if content[:5] == b"model" else content)
    return path


@contextmanager
def registry() -> Iterator[tuple[str, list[Parcel]]]:
    """A registry that serves the last parcel of the list under every name; and `host:port`."""
    parcels: list[Parcel] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parcel, place = parcels[-1], self.path.rpartition("/")[2]
            if "/manifests/" in self.path:
                content: bytes | None = parcel.about if place.endswith(".record") else parcel.manifest
            else:
                content = parcel.blobs.get(place)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", parcels
        finally:
            server.shutdown()
            thread.join()


def in_memory(content: bytes) -> list[str]:
    """The names in a tar."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return archive.getnames()

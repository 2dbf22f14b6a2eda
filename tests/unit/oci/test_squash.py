"""Fewer layers that do what the many did. What a stack of layers does is taken from image-spec, layer.md."""

import io
import random
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.oci.squash import fewer, runs, squash

DIR, LINK = object(), object()
Layer = Mapping[str, Any]  # path -> content, DIR, or ("symlink" | "hardlink", target)


def packed(folder: Path, number: int, layer: Layer) -> Path:
    """The layer as a tar, in the given order."""
    path = folder / f"{number}.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in layer.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if content is DIR:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, tuple):
                info.type = tarfile.SYMTYPE if content[0] == "symlink" else tarfile.LNKTYPE
                info.linkname = content[1]
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def applied(stack: list[Path]) -> dict[str, Any]:
    """The files of an image with these layers, lowest first: a reader of its own, that knows one layer at a time."""
    files: dict[str, Any] = {}
    for path in stack:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            for member in members:
                folder, _, last = member.name.rpartition("/")
                hidden = None
                if last == ".wh..wh..opq":
                    hidden = [name for name in files if name.startswith(f"{folder}/")]
                elif last.startswith(".wh."):
                    gone = f"{folder}/{last[4:]}".lstrip("/")
                    hidden = [name for name in files if name == gone or name.startswith(f"{gone}/")]
                for name in hidden or []:
                    del files[name]
            for member in members:
                name = member.name.rstrip("/")
                if name.rpartition("/")[2].startswith(".wh."):
                    continue
                if not member.isdir():
                    for other in [other for other in files if other.startswith(f"{name}/")]:
                        del files[other]
                files[name] = _content(archive, member)
                for folder in map(str, PurePosixPath(name).parents[:-1]):
                    files.setdefault(folder, DIR)
    return files


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    if member.issym():
        return "symlink", member.linkname
    file = archive.extractfile(member)
    return file.read() if file else DIR


def squashed(folder: Path, stack: list[Path]) -> Path:
    path = folder / "squashed.tar"
    path.write_bytes(b"".join(squash(stack)))
    return path


BASE = {"a": DIR, "a/one": b"base one", "a/two": b"base two", "b": DIR, "b/x": b"x", "c": b"file c"}
STACKS: dict[str, list[Layer]] = {
    "nothing shared": [{"d": DIR, "d/1": b"1"}, {"e": b"e"}],
    "a file replaced": [{"a": DIR, "a/one": b"first"}, {"a": DIR, "a/one": b"second"}],
    "a file added and removed": [{"a": DIR, "a/new": b"new"}, {"a": DIR, "a/.wh.new": b""}],
    "a file of below removed": [{"a/.wh.one": b""}, {"d": b"d"}],
    "removed, and there again": [{"a/.wh.one": b""}, {"a/one": b"again"}],
    "a folder removed": [{"a/three": b"3"}, {".wh.a": b""}],
    "a folder removed, and made anew": [{".wh.a": b""}, {"a": DIR, "a/new": b"new"}],
    "a folder removed, and a file in it": [{".wh.a": b""}, {"a/new": b"new"}],
    "an opaque folder": [{"a": DIR, "a/three": b"3"}, {"a": DIR, "a/.wh..wh..opq": b"", "a/four": b"4"}],
    "opaque, and named before its files": [{"a/three": b"3"}, {"a/four": b"4", "a/.wh..wh..opq": b""}],
    "a folder becomes a file": [{"a/three": b"3"}, {"a": b"a file now"}],
    "a file becomes a folder": [{"b": b"a file"}, {"b": DIR, "b/new": b"new"}],
    "a symbolic link": [{"l": ("symlink", "a/one")}, {"m": ("symlink", "../c")}],
    "a hard link": [{"h": b"content", "k": ("hardlink", "h")}, {"h": b"other"}],
    "long names": [{"n" * 180 + "/" + "é" * 120: b"x"}, {"l": ("symlink", "t" * 150)}],
    "three": [{"a/.wh.one": b"", "z": b"z"}, {"a/one": DIR, "a/one/in": b"in"}, {"a/.wh.two": b"", "z": b"zz"}],
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=list(STACKS))
def test_one_layer_does_what_they_did(tmp_path: Path, stack: list[Layer]) -> None:
    base = packed(tmp_path, 0, BASE)
    paths = [packed(tmp_path, number, layer) for number, layer in enumerate(stack, 1)]
    assert applied([base, squashed(tmp_path, paths)]) == applied([base, *paths])


def test_any_stack_can_be_squashed(tmp_path: Path) -> None:
    generator = random.Random(7)
    names = ["a", "a/one", "a/two", "a/in", "a/in/x", "b", "b/x", "c"]
    base = packed(tmp_path, 0, BASE)
    for _ in range(300):
        stack = []
        for number in range(1, 5):
            layer: dict[str, Any] = {}
            for name in generator.sample(names, 3):
                folder, _, last = name.rpartition("/")
                kind = generator.choice(["file", "file", "gone", "opaque"])
                if kind != "gone":
                    layer |= {str(parent): DIR for parent in list(PurePosixPath(name).parents)[-2::-1]}
                if kind == "file":
                    layer[name] = f"{number} {name}".encode()
                elif kind == "gone":
                    layer[f"{folder}/.wh.{last}".lstrip("/")] = b""
                else:
                    layer[name] = DIR
                    layer[f"{name}/.wh..wh..opq"] = b""
            # no engine makes a layer in which something is a file and holds another, or hides what it adds
            files = [name for name, content in layer.items() if content and content is not DIR]
            if any(other.startswith(f"{name}/") for name in files for other in layer):
                continue
            stack.append(packed(tmp_path, number, layer))
        if stack:
            assert applied([base, squashed(tmp_path, stack)]) == applied([base, *stack])


def test_modes_and_owners_stay(tmp_path: Path) -> None:
    path = tmp_path / "1.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("bin/tool")
        info.mode, info.uid, info.gid, info.mtime = 0o4755, 7, 8, 9
        archive.addfile(info)
    with tarfile.open(squashed(tmp_path, [path, packed(tmp_path, 2, {"x": b"x"})])) as archive:
        found = archive.getmember("bin/tool")
    assert (found.mode, found.uid, found.gid, found.mtime) == (0o4755, 7, 8, 9)


def test_equal_stacks_give_equal_bytes(tmp_path: Path) -> None:
    paths = [packed(tmp_path, number, layer) for number, layer in enumerate(STACKS["three"])]
    assert b"".join(squash(paths)) == b"".join(squash(paths))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 12, 13, 100])
def test_runs_keep_order_and_bound(count: int) -> None:
    found = runs(range(count), 8)
    assert [layer for run in found for layer in run] == list(range(count))
    assert len(found) == min(count, len(found)) <= 8


def test_few_layers_stay_as_they_are() -> None:
    assert runs("abc", 3) == [["a"], ["b"], ["c"]]


def test_a_layer_on_top_changes_the_last_run_only() -> None:
    before, after = runs(range(9), 8), runs(range(10), 8)
    assert before == [[0], [1], [2], [3], [4, 5], [6, 7], [8]]
    assert after == [[0], [1], [2], [3], [4, 5], [6, 7], [8, 9]]


def test_a_stack_cannot_be_nothing() -> None:
    with pytest.raises(ValueError, match="a stack of 0 layers"):
        runs("abc", 0)


def test_what_was_joined_once_is_not_joined_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "images")
    stack = [layout.write(layers.tar([layers.Entry(f"f{number}", b"x")])) for number in range(6)]
    joined = fewer(layout, stack, 3)
    assert (len(joined), joined[0]) == (3, stack[0])
    for layer in stack[1:]:
        layout.remove(layer.digest)
    assert fewer(layout, stack, 3) == joined

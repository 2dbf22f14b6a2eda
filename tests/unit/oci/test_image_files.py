"""Where the paths of an image lead, over links, whiteouts and layers that replace what is below."""

import io
import tarfile
from pathlib import Path

import pytest

from localmodel.oci.image_files import ImageFiles
from localmodel_untrusted.tar import RefusedError

FOLDER, HARD = tarfile.DIRTYPE, tarfile.LNKTYPE


@pytest.fixture
def files(tmp_path: Path) -> "Files":
    return Files(tmp_path)


class Files:
    """Writes layers. `name=""` is a file, `name="x"` a symbolic link to x; `/` at the end of a name makes a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, *layers: dict[str, str], hard: tuple[str, str] = ("", "")) -> ImageFiles:
        paths = []
        for number, layer in enumerate(layers):
            paths.append(self._folder / str(number))
            with tarfile.open(paths[-1], "w") as archive:
                for name, target in layer.items():
                    info = tarfile.TarInfo(name.rstrip("/"))
                    info.type = tarfile.SYMTYPE if target else FOLDER if name.endswith("/") else tarfile.REGTYPE
                    info.linkname = target
                    if name == hard[0]:
                        info.type, info.linkname = HARD, hard[1]
                    archive.addfile(info, io.BytesIO())
        return ImageFiles(paths)


def test_links_are_followed_over_layers(files: Files) -> None:
    image = files.of(
        {"bin": "usr/bin", "usr/bin/": "", "usr/bin/python3.13": "", "usr/bin/python3": "python3.13"},
        {"opt/venv/bin/python3": "/bin/python3", "./opt/venv/pyvenv.cfg": "", "opt/up": "../../../usr"},
    )
    assert image.real("/bin/python3") == "/usr/bin/python3.13"
    assert image.real("/opt/venv/bin/python3") == "/usr/bin/python3.13"
    assert image.real("/opt/venv/bin/../pyvenv.cfg") == "/opt/venv/pyvenv.cfg"
    assert image.real("/opt/up/bin/python3.13") == "/usr/bin/python3.13"
    assert image.real("/usr/bin/python3.13/x") is image.real("/usr/bin/nosuch") is None


def test_what_a_layer_removes_is_gone_and_what_it_adds_stays(files: Files) -> None:
    image = files.of(
        {"usr/bin/python3": "python3.9", "usr/bin/python3.9": "", "opt/a": "", "opt/b": "", "etc/x": ""},
        {"usr/bin/python3.11": "", "usr/bin/python3": "python3.11", "usr/bin/.wh.python3.9": ""},
        {"opt/c": "", "opt/.wh..wh..opq": "", ".wh.etc": ""},
    )
    assert image.real("/usr/bin/python3") == "/usr/bin/python3.11"
    assert [image.real(path) for path in ("/usr/bin/python3.9", "/opt/a", "/opt/b", "/etc/x")] == [None] * 4
    assert image.real("/opt/c") == "/opt/c"


def test_a_file_is_put_where_the_links_above_it_lead(files: Files) -> None:
    image = files.of({"bin": "usr/bin", "usr/bin/sh": ""}, {"bin/python3.12": "", "bin/new/x": ""})
    assert image.real("/usr/bin/python3.12") == image.real("/bin/python3.12") == "/usr/bin/python3.12"
    assert (image.real("/bin/sh"), image.real("/usr/bin/new/x")) == ("/usr/bin/sh", "/usr/bin/new/x")


def test_what_replaces_a_link_or_a_folder(files: Files) -> None:
    image = files.of(
        {"a": "b", "b/x": "", "c/x": "", "d/x": ""},
        {"a/": "", "c": "b", "d": "", "e/x": "/a"},
    )
    assert (image.real("/a"), image.real("/a/x")) == ("/a", None)
    assert (image.real("/c/x"), image.real("/d/x"), image.real("/e/x")) == ("/b/x", None, "/a")


def test_a_hard_link_to_a_link_is_another_link(files: Files) -> None:
    layer = {"bin/python3.11": "", "bin/python3": "python3.11", "bin/python": ""}
    assert files.of(layer, hard=("bin/python", "bin/python3")).real("/bin/python") == "/bin/python3.11"
    assert files.of(layer, hard=("bin/python", "bin/python3.11")).real("/bin/python") == "/bin/python"


def test_links_in_a_circle_and_above_the_top_lead_nowhere_else(files: Files) -> None:
    image = files.of({"a": "b", "b": "/a", "c": "../../etc", "etc/x": ""})
    assert image.real("/a") is image.real("/a/x") is None
    assert image.real("/c/x") == "/etc/x"


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"\1" * 2000)
    with pytest.raises(RefusedError):
        ImageFiles([tmp_path / "layer"])
    with pytest.raises(RefusedError, match="longer than"):
        Files(tmp_path).of({"a/" * 3000: ""})


def test_links_that_take_for_ever_are_refused(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="is longer than 4096 characters"):
        files.of({"a": "./" * 3000})
    monkeypatch.setattr("localmodel.oci.image_files._MOST_STEPS", 10_000)
    with pytest.raises(RefusedError, match="its links lead through too many others"):
        files.of({"d/": "", "a": "./" * 2000 + "d", **{f"a/{number}": "" for number in range(20)}})

"""Packages from an index with a password, and from a folder; and what is said when there is no getting at them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.package_index import make_wheel, serving

from localmodel.environments import here
from localmodel.environments.layers import packages
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.requirements import sources
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter

LOGIN = ("alice", "open-sesame-4711")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WANTED = EnvironmentSpec(PYTHON, ("ours==1.0",))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def wheel_folder(tmp_path: Path) -> Path:
    make_wheel(tmp_path / "wheels", "ours", "1.0")
    return tmp_path / "wheels"


@pytest.fixture
def index(wheel_folder: Path, home: Path) -> Iterator[str]:
    """The address of an index with a password, named in packages.toml."""
    with serving(wheel_folder, LOGIN) as address:
        (home / "packages.toml").write_text(f'index-url = "{address}"\n')
        yield address


def log_in(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {LOGIN[0]} password {LOGIN[1]}\n")
    (tmp_path / "netrc").chmod(0o600)


def refused(reason: str, spec: EnvironmentSpec = WANTED) -> str:
    with pytest.raises(UserError) as error:
        here.lock(spec)
    assert error.value.reason == reason
    assert LOGIN[1] not in str(error.value)
    return str(error.value)


def files_with(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_a_private_index_is_used_and_its_password_is_nowhere(index: str, home: Path, tmp_path: Path) -> None:
    log_in(tmp_path)
    said: list[str] = []
    python = here.interpreter(WANTED, reporter(False), said.append)
    found = subprocess.run(
        [python, "-c", "import ours; print(ours.VERSION)"], capture_output=True, check=True, text=True
    )
    assert found.stdout == "1.0\n"
    assert any("ours==1.0" in line for line in said)
    assert [path.read_text() for path in (home / "build-logs").iterdir()] == ["".join(f"{line}\n" for line in said)]
    assert files_with(LOGIN[1], home) == []


def test_without_the_password_the_message_says_where_it_goes(index: str) -> None:
    message = refused("PackageIndexRefused")
    assert index in message
    assert "netrc" in message


def test_a_wrong_password_is_refused(index: str, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {LOGIN[0]} password wrong\n")
    assert "refuses access" in refused("PackageIndexRefused")


def test_a_password_in_packages_toml_is_an_error_that_does_not_repeat_it(home: Path) -> None:
    (home / "packages.toml").write_text(f'index-url = "https://alice:{LOGIN[1]}@index.example/simple"\n')
    message = refused("PackageSourcesInvalid")
    assert "machine index.example login NAME password PASSWORD" in message


def test_what_follows_a_question_mark_in_an_address_is_shown_nowhere(wheel_folder: Path, home: Path) -> None:
    with serving(wheel_folder) as address:
        (home / "packages.toml").write_text(f'index-url = "{address}?token={LOGIN[1]}"\n')
        assert f"{address}?***" in refused("RequirementsUnresolvable", EnvironmentSpec(PYTHON, ("theirs==1",)))
        assert LOGIN[1] not in str(sources.read())
    for key in ("index-url", "find-links"):
        value = f'"http://127.0.0.1:9/simple?token={LOGIN[1]}"'
        (home / "packages.toml").write_text(f"{key} = {f'[{value}]' if key == 'find-links' else value}\n")
        message = refused("PackageIndexUnreachable")
        assert "127.0.0.1:9/simple" in message
        with pytest.raises(UserError) as error:
            lock = Lock(f"ours==1.0 --hash=sha256:{'0' * 64}\n")
            asyncio.run(packages.of_lock(lock, Kind("3.11", "amd64"), Layout(home / key), lambda line: None))
        assert LOGIN[1] not in str(error.value)


def test_an_index_that_is_not_there(home: Path) -> None:
    (home / "packages.toml").write_text('index-url = "http://127.0.0.1:9/simple"\n')
    message = refused("PackageIndexUnreachable")
    assert message.startswith("the package index http://127.0.0.1:9/simple cannot be reached")
    assert "packages.toml" in message


def test_a_wrong_address_names_where_was_looked(wheel_folder: Path, home: Path) -> None:
    with serving(wheel_folder) as address:
        (home / "packages.toml").write_text(f'index-url = "{address}"\n')
        message = refused("RequirementsUnresolvable", EnvironmentSpec(PYTHON, ("theirs==1",)))
    assert f"(looked for in: {address})" in message


def test_a_wheel_folder_needs_no_index(wheel_folder: Path, home: Path) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    assert here.interpreter(WANTED, reporter(False)).exists()
    message = refused("RequirementsUnresolvable", EnvironmentSpec(PYTHON, ("theirs",)))
    assert str(wheel_folder) in message


def test_an_extra_index_comes_first(wheel_folder: Path, home: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "other", "ours", "2.0")
    with serving(wheel_folder) as first, serving(tmp_path / "other") as second:
        (home / "packages.toml").write_text(f'index-url = "{second}"\nextra-index-urls = ["{first}"]\n')
        assert here.lock(EnvironmentSpec(PYTHON, ("ours",))).text.startswith("ours==1.0 ")


def test_a_demanded_hash_is_kept_and_another_is_refused(wheel_folder: Path, home: Path) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    demanded = make_wheel(wheel_folder, "ours", "1.0")
    lock = here.lock(EnvironmentSpec(PYTHON, (f"ours==1.0 --hash={demanded}",)))
    assert lock.text == f"ours==1.0 \\\n    --hash={demanded}\n"
    other = EnvironmentSpec(PYTHON, (f"ours==1.0 --hash=sha256:{'0' * 64}",))
    assert "ours==1.0: the index offers no file with a demanded --hash" in refused("RequirementsUnresolvable", other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("index = 'x'", "index: unknown key; choose from index-url, "),
        ("no-index = 'yes'", "no-index: expected true or false"),
        ("find-links = ['nosuch']", "find-links: there is no folder "),
        ("ca-bundle = 'nosuch.pem'", "ca-bundle: there is no file "),
        ("index-url = 'files'", "index-url: 'files' is not an address"),
        ("index-url =", "Invalid value"),
    ],
)
def test_a_packages_toml_that_is_not_understood(home: Path, text: str, words: str) -> None:
    (home / "packages.toml").write_text(text)
    message = refused("PackageSourcesInvalid")
    assert message.startswith(str(home / "packages.toml"))
    assert words in message


def test_layers_of_an_image_come_with_the_password_and_are_checked(index: str, tmp_path: Path) -> None:
    log_in(tmp_path)
    lock, kind, layout = here.lock(WANTED), Kind(PYTHON, "arm64"), Layout(tmp_path / "image")
    said: list[str] = []
    blob = asyncio.run(packages.of_lock(lock, kind, layout, said.append))["ours"]
    site = f"opt/env/lib/python{PYTHON}/site-packages"
    assert layers.contents(layout.path(blob.digest))[f"{site}/ours.py"] == b"VERSION = '1.0'\n"
    for secret in (LOGIN[1], index):
        assert files_with(secret, tmp_path / "image") == []
        assert secret not in "".join(said)

    changed = Lock(lock.text.replace("sha256:", "sha256:0")[:-2] + "\n")
    with pytest.raises(UserError, match=r"(?i)hash"):
        asyncio.run(packages.of_lock(changed, kind, layout, said.append))


def test_a_package_without_a_wheel_for_the_image_says_what_to_do(
    index: str, wheel_folder: Path, tmp_path: Path
) -> None:
    log_in(tmp_path)
    demanded = make_wheel(wheel_folder, "fast", "1.0", tag="cp39-cp39-macosx_11_0_arm64")
    lock = Lock(f"fast==1.0 --hash={demanded}\n")
    with pytest.raises(UserError) as error:
        asyncio.run(packages.of_lock(lock, Kind("3.11", "amd64"), Layout(tmp_path / "image"), lambda line: None))
    assert error.value.reason == "WheelMissing"
    assert "fast 1.0 has no wheel for Python 3.11 on linux/amd64" in str(error.value)

"""What pip installs works without the checkout."""

import re
from pathlib import Path

import pytest
from support import installed_wheel
from support.lmd_command import Lmd, script

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheel and what it requires."""
    return installed_wheel.install(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def installed(place: Path, lmd: Lmd) -> Lmd:
    """The installed command, with the home of `lmd`."""
    command = Lmd(lmd.folder, str(place / "bin" / "lmd"))
    command.home, command.port = lmd.home, lmd.port
    return command


def test_an_installed_wheel_serves_a_manifest(place: Path, lmd: Lmd, installed: Lmd) -> None:
    result = installed.apply(script("__import__('sys').path"))
    assert result.code == 0, result.err
    assert not any(str(ROOT) in folder for folder in lmd.ask().body)
    variables = Path(f"/proc/{lmd.pid()}/environ").read_text()
    assert str(place) in variables and str(ROOT) not in variables
    assert "pip install 'localmodel[operator]'" in installed("operator", "run").err
    assert installed("delete", "digits").code == 0


def test_an_installed_wheel_has_the_documentation_the_samples_and_the_cluster_s_configuration(
    place: Path, installed: Lmd
) -> None:
    listed = installed("docs", "--list").out
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        assert re.search(rf"^{name} ", listed, re.MULTILINE)
    assert installed("docs", "gate").out == (ROOT / "docs" / "how-to" / "gate.md").read_text()
    for sample in (path for path in (ROOT / "manifests" / "samples").iterdir() if path.is_dir()):
        assert installed("init", sample.name, "--sample", sample.name).code == 0
        script = installed.folder / sample.name / "score.py"
        assert script.read_text() == (sample / "score.py").read_text()
    (configuration,) = place.rglob("_data/kind-config.yaml")
    assert configuration.read_bytes() == (ROOT / "kind-config.yaml").read_bytes()


def test_the_demo_predicts_updates_and_can_be_run_again(installed: Lmd) -> None:
    try:
        first, second = installed("demo"), installed("demo")
        for result in (first, second):
            assert result.code == 0, result.err
            assert result.out.index("\n[2]\n") < result.out.index('\n{"digit": 2}\n')
            (address,) = set(re.findall(r"http://localhost:\d+/score", result.out))
            assert f"and the address has stayed: {address}" in result.out
            assert "lmd logs sklearn-mnist -f" in result.out and "lmd demo stop" in result.out
        assert installed.status("sklearn-mnist")["url"] == address
    finally:
        assert "sklearn-mnist: deleted" in installed("demo", "stop").out
    assert "does not run" in installed("demo", "stop").out


def test_the_demo_leaves_a_deployment_of_its_name_alone(installed: Lmd) -> None:
    assert installed.apply(script("1"), name="sklearn-mnist").code == 0
    result = installed("demo")
    assert result.code == 1 and "a deployment sklearn-mnist is there that is not the demo's" in result.err
    assert "does not run" in installed("demo", "stop").out
    assert installed.ask().body == 1

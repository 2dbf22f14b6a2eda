"""The pages and samples that come with the package."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from localmodel.cli.app import main
from localmodel.cli.tools import docs
from localmodel.demo import project
from localmodel.shipped import pages, samples

ROOT = Path(__file__).parents[3]


def test_each_page_has_a_title_and_is_reached_by_its_name_a_link_or_its_last_part() -> None:
    titles = pages.titles()
    assert titles["how-to/gate"] == "Check a revision with a gate" and all(titles.values())
    for text in ("how-to/gate", "gate", "how-to/gate.md", "docs/how-to/gate.md", "gate.md#fields"):
        assert pages.named(text) == ["how-to/gate"]
    assert pages.named("nosuch") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "lmd docs --list lists all"),
        (["troubleshoting"], "Did you mean lmd docs troubleshooting?"),
        (["gate", "--list"], "give one of PAGE and --list"),
    ],
)
def test_a_page_that_is_not_there(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["docs", *arguments])
    assert result.exit_code == 2 and words in result.stderr


def test_a_page_is_markdown_for_a_program_and_is_rendered_for_a_terminal() -> None:
    text = (ROOT / "docs" / "how-to" / "gate.md").read_text()
    assert CliRunner().invoke(main, ["docs", "gate"]).stdout == text
    rendered = docs._rendered("# Title\n\nSee [a page](how-to/gate.md).\n")
    assert "Title" in rendered and "# Title" not in rendered and "how-to/gate.md" in rendered


@pytest.mark.parametrize("name", samples.names())
def test_a_sample_says_how_to_train_register_apply_and_ask(name: str) -> None:
    files = samples.files(name)
    assert {"README.md", "deployment.yaml", "kustomization.yaml", "request.json", "score.py", "train.py"} <= {*files}
    readme = files["README.md"].decode()
    assert f"lmd init . --sample {name}\n" in readme
    (model,) = yaml.safe_load(files["deployment.yaml"])["spec"]["models"]
    assert re.search(rf"^lmd model register \S+ --name {model['name']}$", readme, re.MULTILINE)
    assert re.search(r"^lmd apply \.\nlmd invoke \S+ --request request\.json$", readme, re.MULTILINE)


def test_init_writes_a_sample_and_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("mine")
    result = CliRunner().invoke(main, ["init", str(tmp_path), "--sample", "sklearn-mnist"])
    assert result.exit_code == 0 and "wrote README.md, deployment.yaml" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {*samples.files("sklearn-mnist")}
    assert (tmp_path / "score.py").read_text() == "mine"
    assert CliRunner().invoke(main, ["init", "--sample", "nosuch"]).exit_code == 2


def test_the_demo_s_copy_names_its_model_s_version_has_no_port_and_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    project.write()
    project.use(3)
    project.change_answer()
    spec = yaml.safe_load((project.folder() / "deployment.yaml").read_text())["spec"]
    assert spec["models"] == [{"name": project.MODEL, "version": 3}] and "service" not in spec
    script = (project.folder() / "score.py").read_text()
    assert project.CHANGED_ANSWER in script and project.ANSWER not in script
    project.write()
    assert (project.folder() / "score.py").read_bytes() == samples.files(project.NAME)["score.py"]

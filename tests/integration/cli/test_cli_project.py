"""A folder, its lmd.toml, or a name in place of it, given to the commands that take a PATH."""

import json
from pathlib import Path

import pytest
from support.lmd_command import PYTHON, Lmd, script

MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.11.4}
  sklearn: {pickled_model: model.pkl, serialization_format: pickle, sklearn_version: 1.9.1}
"""
ENV = "__import__('os').environ.get"


@pytest.fixture
def churn(lmd: Lmd) -> Path:
    """A folder with all that can be in one."""
    folder = lmd.folder / "churn"
    folder.mkdir()
    (folder / "score.py").write_text(script(f"[json.loads(raw_data), {ENV}('THRESHOLD')]"))
    (folder / "request.json").write_text("7")
    (folder / "gate.yaml").write_text("- name: echo\n  body: '7'\n  expect: {json: [7, '0.5']}\n")
    text = f'port = {lmd.port}\nmodels = ["model.pkl"]\n[variables]\nTHRESHOLD = "0.5"\n[server]\nworkers = 2\n'
    (folder / "lmd.toml").write_text(text)
    (folder / "model.pkl").write_text("one")
    return folder


def versions(lmd: Lmd) -> tuple[list[str], list[str]]:
    """Files that say which models and code the store has."""
    found = ([str(path) for path in (lmd.home / "store" / kind).glob("*/*.json")] for kind in ("models", "code"))
    return next(found), next(found)


def test_a_folder_is_planned_applied_asked_and_deleted_by_its_path(lmd: Lmd, churn: Path) -> None:
    planned = lmd("plan", "./churn")
    assert planned.code == 0 and planned.out.startswith("churn: rebuild: there is no revision yet")
    assert versions(lmd) == ([], []), "a plan registers nothing"

    applied = lmd("apply", "./churn")
    assert applied.out == f"churn: revision 1 serves at http://localhost:{lmd.port}/score\n", applied.err
    assert lmd("plan", "churn").out.startswith("churn: nothing")
    manifest = json.loads((lmd.home / "deployments/churn/applied.json").read_text())
    spec = manifest.get("deployment", manifest)["spec"]
    assert spec["server"]["workers"] == 2 and spec["models"] == [{"name": "churn", "version": 1}]
    assert len(spec["update"]["gate"]["requests"]) == 1

    by_path = lmd("status", "./churn")
    assert (by_path.code, by_path.out.splitlines()[1].split()[:3]) == (0, ["churn", "yes", "1"])
    assert lmd("status", "./nosuch").code == 2
    assert lmd("invoke", "./churn").out == lmd("invoke", "churn").out == '[7, "0.5"]\n'
    tried = lmd("try", "./churn")
    assert tried.code == 0 and json.loads(tried.out) == [7, "0.5"]

    (churn / "score.py").write_text((churn / "score.py").read_text() + "# edited\n")
    (churn / "model.pkl").write_text("two")
    edited = lmd("plan", "./churn")
    assert edited.out.startswith("churn: swap: code changed: score.py; --model changed: churn"), edited.out
    assert [len(kind) for kind in versions(lmd)] == [1, 1]

    assert lmd("delete", "./churn").code == 0
    gone = lmd("delete", "./churn")
    assert gone.code == 1 and "no deployment was applied from churn (target process)" in gone.err


def test_what_a_script_imports_is_written_into_its_requirements(lmd: Lmd) -> None:
    words = lmd.folder / "words"
    words.mkdir()
    (words / "score.py").write_text("import six\n" + script("six.__name__"))
    refused = lmd("apply", "./words", "--port", str(lmd.port))
    assert refused.code == 1
    assert (
        "there is no requirements.txt in words: score.py:1 imports six, which no requirement brings; add six; "
        "--write writes it into words/requirements.txt" in refused.err
    )
    assert "revision 1" not in refused.err and not (words / "requirements.txt").exists()

    served = lmd("apply", "./words", "--port", str(lmd.port), "--write")
    assert served.code == 0 and "written into words/requirements.txt: six" in served.err, served.err
    first_words = [line.partition(":")[0] for line in served.err.splitlines()]
    assert [first_words.count(step) for step in ("deployment", "script")] == [1, 1], served.err
    assert (words / "requirements.txt").read_text() == "six\n"
    (words / "score.py").write_text("import six, yaml\n" + script("six.__name__"))
    for command in (("plan", "./words"), ("try", "./words", "--data", "1"), ("reload", "words")):
        refused = lmd(*command)
        assert refused.code == 1 and "words/requirements.txt: score.py:1 imports yaml" in refused.err, refused.err
    assert lmd("invoke", "words", "--data", "1").out == '"six"\n'


def test_what_fails_the_gate_of_a_folder_does_not_serve(lmd: Lmd, churn: Path) -> None:
    assert lmd("apply", "churn").code == 0
    failed = lmd("apply", "churn", "--variable", "THRESHOLD=0.9")
    assert failed.code == 1 and "echo" in failed.err and "revision 1 goes on serving" in failed.err
    (churn / "gate.yaml").write_text("- body: '7'\n  expect: {status: 2000}\n")
    wrong = lmd("apply", "churn")
    assert wrong.code == 1 and "churn/gate.yaml:2: [0].expect.status" in wrong.err


def test_a_name_stands_for_the_path_that_it_was_applied_from(lmd: Lmd, churn: Path) -> None:
    assert lmd("apply", churn, "--name=other").code == 0
    (churn / "lmd.toml").write_text("")
    for word in ("other", "./churn"):
        again = lmd("apply", word)
        assert again.code == 0 and "nothing has changed" in again.err
    assert "kept from before: --name other" in again.err
    assert lmd("apply", "./churn", "--name=third", "--variable=THRESHOLD=0.5", "--port", str(lmd.port + 1)).code == 0
    several = lmd("apply", "./churn")
    assert several.code == 1 and "churn was applied as other, third; give one of these names" in several.err
    assert lmd("delete", "third").code == 0
    assert lmd("invoke", "./churn").out == '[7, "0.5"]\n', "it is found by its folder"
    missing = lmd("apply", "nosuch")
    assert missing.code == 2 and "nosuch: no such file or folder, and no deployment of this name" in missing.err


def test_a_deployment_belongs_to_its_folder(lmd: Lmd, churn: Path) -> None:
    assert lmd("apply", churn).code == 0
    other = lmd.folder / "b" / "churn"
    other.mkdir(parents=True)
    (other / "score.py").write_text(script("'other'"))
    refused = lmd("apply", other)
    assert refused.code == 1 and f"the deployment churn was applied from {churn}, and not from {other}" in refused.err
    assert "--name" in refused.err and "--replace" in refused.err
    refused = lmd("apply", lmd.manifest(script("'manifest'"), name="churn"))
    (lmd.folder / "churn.yaml").unlink(missing_ok=True)
    assert refused.code == 1 and "take its place with --replace" in refused.err and "--name" not in refused.err
    assert lmd.ask(1).body == [1, "0.5"], "what serves is as it was"
    replaced = lmd("apply", other, "--replace")
    assert replaced.code == 0 and lmd.ask(1).body == "other"
    churn.rename(lmd.folder / "moved")
    assert lmd("apply", other).code == 0
    other.rename(lmd.folder / "elsewhere")
    asked = lmd("invoke", "churn")
    assert asked.code == 2 and f"--request; churn was applied from {other}, which is gone" in asked.err
    taken = lmd("apply", "./elsewhere", "--name=churn")
    assert taken.code == 0 and f"churn was applied from {other}, which is gone" in taken.err


def test_equal_content_is_the_version_that_has_it(lmd: Lmd, churn: Path) -> None:
    model, used = churn / "model.pkl", []
    for content in ("one", "two", "one"):
        model.write_text(content)
        assert lmd("apply", churn).code == 0
        used.append(json.loads(lmd("history", "churn", "-o", "json").out)[0]["models"])
    assert [[*models] for models in used] == [["churn:1"], ["churn:2"], ["churn:1"]]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("score.py", "def init(): pass\n", "no function run(raw_data)"),
        ("requirements.txt", "nosuch @ nowhere\n", "requirements.txt"),
        ("lmd.toml", 'models = ["model.pkl", "nosuch:1"]\n', "model nosuch is not in the store"),
    ],
)
def test_what_is_refused_registers_nothing(lmd: Lmd, churn: Path, file: str, content: str, said: str) -> None:
    (churn / file).write_text(content)
    refused = lmd("apply", churn)
    assert refused.code == 1 and said in refused.err
    assert versions(lmd) == ([], [])


def test_a_folder_is_updated_at_each_save(lmd: Lmd, churn: Path) -> None:
    with lmd.running("dev", "./churn") as dev:
        dev.says("request.json is answered with")
        (churn / "gate.yaml").unlink()
        (churn / "lmd.toml").write_text((churn / "lmd.toml").read_text().replace("0.5", "0.6"))
        dev.says('"0.6"')
        (churn / "helper.py").write_text("ANSWER = 8\n")
        (churn / "score.py").write_text("import helper\n" + script("helper.ANSWER"))
        dev.says("+ 8")
        (churn / "helper.py").write_text("ANSWER = 9\n")
        dev.says("+ 9")
        dev.process.terminate()
        dev.says("no longer watching; revision")


def test_a_script_runs_in_the_environment_that_its_folder_describes(lmd: Lmd, churn: Path) -> None:
    (churn / "lmd.toml").write_text("requirements = []\n")
    (churn / "train.py").write_text("import sys\nprint(sys.prefix)\n")
    assert str(lmd.home) in lmd("run", "churn/train.py").out


def test_the_files_of_a_folder_say_its_packages_and_its_python_in_one_order(lmd: Lmd, churn: Path) -> None:
    (churn / "requirements.txt").write_text("# nothing\n")
    (churn / "environment.yml").write_text("dependencies: [python=3.13]\n")
    (churn / ".python-version").write_text("3.12\n")
    planned = lmd("plan", "./churn").err
    assert "requirements: requirements.txt (environment.yml beside it is not used)\n" in planned
    assert "python: 3.12 (.python-version)\n" in planned
    (churn / "requirements.txt").unlink()
    planned = lmd("plan", "./churn").err
    assert "python: 3.13 (environment.yml)\n" in planned and "not used" not in planned
    old = lmd("plan", "./churn", "--python", "3.8")
    assert old.code == 1 and "Python 3.8 is not supported; 3.9, " in old.err
    lmd("env", "create", "base", "--conda", churn / "environment.yml")
    both = lmd("plan", "./churn", "--env", "base", "--python", "3.12")
    assert "python: 3.12 was asked for, and the environment base:1 has Python 3.13; name one of them" in both.err


def test_packages_that_nobody_named_are_chosen_anew_and_named_ones_stay(lmd: Lmd, churn: Path) -> None:
    (churn / "environment.yml").write_text("dependencies: []\n")
    assert lmd("apply", "./churn").code == 0
    (churn / "requirements.txt").write_text("# nothing\n")
    assert "requirements: requirements.txt (environment.yml beside it is not used)\n" in lmd("plan", "./churn").err
    assert lmd("apply", "./churn", "--conda", churn / "environment.yml").code == 0
    assert "requirements: environment.yml (requirements.txt beside it is not used)\n" in lmd("plan", "./churn").err


def test_a_python_that_was_asked_for_stays_and_the_folder_is_stopped_and_started_by_its_path(
    lmd: Lmd, churn: Path
) -> None:
    assert lmd("apply", "./churn", "--python", PYTHON).code == 0
    assert lmd("stop", "./churn").out == "churn: stopped; lmd start churn starts it\n"
    assert lmd("start", "./churn").out.startswith("churn: revision 1 serves at ")
    (churn / ".lmdignore").write_text(".python-version\n.lmdignore\n")
    (churn / ".python-version").write_text("3.9\n")
    planned = lmd("plan", "./churn")
    assert planned.out.startswith("churn: nothing") and f"kept from before: --python {PYTHON}" in planned.err


def test_a_deployment_is_written_as_a_manifest_that_serves_the_same(lmd: Lmd, churn: Path) -> None:
    assert lmd("apply", churn).code == 0
    written = lmd("export", "manifest", "./churn", "--output-dir", "out")
    assert written.code == 0
    assert written.out == "out: written; lmd apply -k out --replace and kubectl apply -k out make it serve\n"
    made = {"deployment.yaml", "kustomization.yaml", "kustomizeconfig.yaml"}
    code = {"gate.yaml", "request.json", "score.py"}
    assert {path.name for path in (lmd.folder / "out").iterdir()} == made | code
    manifest = (lmd.folder / "out/deployment.yaml").read_text()
    assert str(lmd.folder) not in manifest and "progressDeadlineSeconds" not in manifest
    applied = lmd("apply", "-k", "out", "--replace")
    assert applied.code == 0 and "nothing has changed" in applied.err and lmd.ask(7).body == [7, "0.5"]
    assert "out exists already" in lmd("export", "manifest", "churn", "--output-dir", "out").err
    refused = lmd("export", "compose", "churn", env={"DOCKER_HOST": "tcp://127.0.0.1:1"})
    assert "no Docker engine answers" in refused.err and "with --push HOST/REPOSITORY:TAG" in refused.err
    assert "lock" not in refused.err, "nothing was made before"


def test_requirements_of_a_model_are_named_and_never_written(lmd: Lmd) -> None:
    model = lmd.folder / "model"
    model.mkdir()
    (model / "MLmodel").write_text(MLMODEL)
    (model / "model.pkl").write_bytes(b"\x80\x02csklearn.linear_model._base\nLinearRegression\n)\x81.")
    (model / "requirements.txt").write_text("sklearn\n")
    (lmd.folder / "requirements.txt").write_text("sklearn==1.5\n")
    result = lmd("apply", "./model", "--write")
    assert result.code == 1
    assert "error: model/requirements.txt:1: sklearn is not a package that can be installed; write" in result.err
    assert (model / "requirements.txt").read_text() == "sklearn\n"
    assert (lmd.folder / "requirements.txt").read_text() == "sklearn==1.5\n"

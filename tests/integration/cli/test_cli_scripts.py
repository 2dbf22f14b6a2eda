"""lmd apply with a folder or a script, and what follows it: reload, wait, invoke, logs."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from support.lmd_command import Lmd, script

from localmodel.cli import app

FOLDER = "__import__('pathlib').Path(__import__('os').environ['AZUREML_MODEL_DIR'])"
SEES = f"[json.loads(raw_data), [path.name for path in {FOLDER}.iterdir()]]"


def source(lmd: Lmd, answer: str = "json.loads(raw_data)", name: str = "Digits_1") -> Path:
    folder = lmd.folder / name
    folder.mkdir(exist_ok=True)
    (folder / "score.py").write_text(script(answer))
    return folder


def port(lmd: Lmd) -> str:
    return f"--port={lmd.port}"


def test_a_folder_with_a_script_and_a_model_is_served_under_the_folders_name(lmd: Lmd) -> None:
    (lmd.folder / "model.pkl").write_text("1")
    result = lmd("apply", source(lmd, SEES), "--model", "model.pkl", port(lmd))
    assert result.code == 0, result.err
    assert result.out == f"digits-1: revision 1 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask(5).body == [5, ["model.pkl"]]
    assert lmd("model", "list").out.splitlines()[1].split()[:2] == ["digits-1", "1"]


def test_again_it_is_an_update(lmd: Lmd) -> None:
    folder = source(lmd)
    lmd("apply", folder, port(lmd))
    assert "nothing has changed" in lmd("apply", folder, port(lmd)).err
    (folder / "score.py").write_text(script("'edited'"))
    assert "revision 2 serves" in lmd("apply", folder, port(lmd)).out
    assert lmd.ask().body == "edited"


def test_what_is_not_named_again_stays(lmd: Lmd) -> None:
    folder = source(lmd, f"[__import__('os').environ.get('T'), (next({FOLDER}.iterdir())).read_text()]")
    (folder / "score.py").rename(folder / "other.py")
    (folder / "model.pkl").write_text("one")
    lmd("apply", folder, port(lmd), "--entry-script=other.py", "--model", folder / "model.pkl", "--variable=T=0.9")
    assert lmd.ask().body == ["0.9", "one"]
    (folder / "model.pkl").write_text("two")
    again = lmd("apply", folder)
    assert f"revision 2 serves at http://localhost:{lmd.port}/" in again.out
    kept = f"--entry-script other.py; --model digits-1={folder / 'model.pkl'}; --variable T; --port {lmd.port}"
    assert f"kept from before: {kept}\n" in again.err
    assert "0.9" not in again.err, "a variable may be a secret"
    assert lmd.ask().body == ["0.9", "two"]
    (folder / "model.pkl").write_text("three")
    (folder / "other.py").write_text((folder / "other.py").read_text().replace("pass", "'reloaded'"))
    lmd("reload", "digits-1")
    assert lmd.ask().body == ["0.9", "three"]
    named = lmd("apply", folder, "--variable=T=0.5", "--model", "digits-1:1")
    assert f"kept from before: --entry-script other.py; --port {lmd.port}\n" in named.err
    assert lmd.ask().body == ["0.5", "one"]
    (folder / "model.pkl").unlink()
    assert lmd("reload", "digits-1").code == 0


def test_a_port_that_is_named_and_held_is_an_error(lmd: Lmd) -> None:
    lmd("apply", source(lmd, name="one"), port(lmd))
    second = lmd("apply", source(lmd, name="two"), port(lmd))
    held = f"--port {lmd.port} is held by the deployment 'one' (process {lmd.pid('one')}); name another one, or none"
    assert second.code == 1 and f"error: {held}" in second.err
    assert not (lmd.home / "store/code/two").exists()
    assert "nothing has changed" in lmd("apply", source(lmd, name="one"), port(lmd)).err, "its own is not held"


def test_try_apply_and_reload_see_the_same_files(lmd: Lmd) -> None:
    """Links to folders, hidden files and executables are there, and what is left out is so for all."""
    folder = source(lmd)
    head = "import os, subprocess\nfrom mylib import core\n"
    head += "TAGGER = os.path.join(os.path.dirname(__file__), 'bin/tagger')\n"
    answer = "[core.f(), open('.env').read(), os.path.exists('data'), subprocess.check_output([TAGGER]).decode()]"
    (folder / "score.py").write_text(head + script(answer))
    (lmd.folder / "libs/mylib").mkdir(parents=True)
    (lmd.folder / "libs/mylib/core.py").write_text("def f(): return 3\n")
    (folder / "mylib").symlink_to("../libs/mylib")
    (folder / ".env").write_text("T=0.7")
    (folder / ".amlignore").write_text("data/\n")
    (folder / "data").mkdir()
    (folder / "data/x.csv").write_text("")
    (folder / "bin").mkdir()
    (folder / "bin/tagger").write_text("#!/bin/sh\necho tagged\n")
    (folder / "bin/tagger").chmod(0o755)
    expected = [3, "T=0.7", False, "tagged\n"]
    tried = lmd("try", folder / "score.py", "--data", "{}")
    assert json.loads(tried.out) == expected
    said = "left out of the code: .amlignore; data (by .amlignore)\nhidden files are part of the code: .env\n"
    assert said in tried.err
    applied = lmd("apply", folder, port(lmd))
    assert said in applied.err and lmd.ask().body == expected
    (folder / "bin/tagger").chmod(0o644)
    assert "code changed: bin/tagger" in lmd("reload", "digits-1").err
    assert lmd.ask().status == 500
    (folder / "bin/tagger").chmod(0o755)
    assert lmd("reload", "digits-1").code == 0 and lmd.ask().body == expected


def test_a_script_with_a_name_that_no_deployment_can_have_is_refused_by_try_and_apply_alike(lmd: Lmd) -> None:
    folder = source(lmd)
    (folder / "score.py").rename(folder / "my score.py")
    said = "error: 'my score.py' cannot be the path of an entry script"
    for arguments in (["try", folder / "my score.py"], ["apply", folder, "--entry-script=my score.py"]):
        result = lmd(*arguments)
        assert result.code == 1 and said in result.err


def test_what_is_missing_is_told_with_where_it_is_or_was(lmd: Lmd) -> None:
    folder = source(lmd)
    score, helper = folder / "score.py", folder / "helper.py"
    score.write_text("import helper\n" + script("helper.X"))
    helper.write_text("X = 1\n")
    assert lmd("apply", folder, port(lmd)).code == 0
    helper.unlink()
    error = lmd("apply", folder, port(lmd)).err
    assert "score.py:1: ModuleNotFoundError: No module named 'helper'; helper.py was in revision 1's folder" in error
    assert "helper.py was in revision 1's folder" in lmd("history", "digits-1", "-o", "json").out
    score.write_text("import os\n" + script("1").replace("pass", "open(os.environ['AZUREML_MODEL_DIR'] + '/m.bin')"))
    (folder / "m.bin").write_text("1")
    error = lmd("apply", folder, port(lmd)).err
    asked = "this deployment has no models; m.bin is in its code: give it as a model: lmd apply ./Digits_1 --model "
    assert asked + "./Digits_1/m.bin\nrevision 1 goes on serving" in error
    assert lmd("apply", folder, port(lmd), "--model", folder / "m.bin").code == 0


def test_what_an_ignore_file_leaves_out_is_not_asked_for_as_a_requirement(lmd: Lmd) -> None:
    folder = source(lmd)
    (folder / "score.py").write_text("import helper\n" + script("helper.X"))
    (folder / "helper.py").write_text("X = 1\n")
    (folder / ".gitignore").write_text("helper.py\n")
    said = "No module named 'helper'; helper.py lies in the folder, and .gitignore leaves it out"
    assert said in json.loads(lmd("try", folder / "score.py", "-o", "json").out)["error"]
    assert said in lmd("apply", folder, port(lmd)).err


def test_every_option_says_what_the_script_is_deployed_with(lmd: Lmd) -> None:
    (lmd.folder / "a.bin").write_text("a")
    lmd("model", "register", "a.bin", "--name", "first")
    lmd("model", "register", "a.bin", "--name", "second")
    folder = source(lmd)
    (folder / "score.py").rename(folder / "other.py")
    (lmd.folder / "needs.txt").write_text("")
    options = [
        "--entry-script=other.py",
        "--name=mine",
        "--variable=A=1=2",
        "--variable=B=",
        "--requirements=needs.txt",
    ]
    result = lmd("apply", folder, port(lmd), "--model=first:1", "--model=second", *options, "-o", "yaml")
    assert result.code == 0, result.err
    (told,) = yaml.safe_load(result.out)
    assert (told["name"], told["ready"], told["serving"]) == ("mine", True, 1)
    applied = json.loads(lmd("status", "mine", "-o", "json").out)
    assert {**told, "figures": applied["figures"]} == applied


def test_a_script_alone_is_served_with_the_modules_beside_it(lmd: Lmd) -> None:
    folder = source(lmd, "__import__('helper').answer")
    (folder / "helper.py").write_text("answer = 7\n")
    (folder / "large.csv").write_bytes(b"1,2\n")
    assert lmd("apply", folder / "score.py", port(lmd)).out.startswith("score: revision 1 serves")
    assert lmd.ask().body == 7


def test_requirements_beside_the_script_are_its_environment(lmd: Lmd) -> None:
    folder = source(lmd)
    (folder / "requirements.txt").write_text("no such requirement!\n")
    result = lmd("apply", folder, port(lmd))
    assert result.code == 1 and "requirements.txt:1" in result.err
    (folder / "requirements.txt").rename(folder / "conda.yml")
    assert "conda.yml" in lmd("apply", folder, port(lmd)).err


def test_reload_reads_the_folder_again(lmd: Lmd) -> None:
    folder = source(lmd)
    lmd("apply", folder, port(lmd))
    (folder / "score.py").write_text(script("'edited'"))
    assert lmd("reload", "digits-1").out == f"digits-1: revision 2 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask().body == "edited"
    (folder / "score.py").write_text("def init(): 1 / 0\ndef run(raw_data): pass\n")
    result = lmd("reload", "digits-1")
    assert result.code == 1 and "score.py:1: ZeroDivisionError" in result.err
    assert 'score.py", line 1, in init' in result.err, "the script's traceback"
    assert lmd.ask().body == "edited"
    waited = lmd("wait", "digits-1", "--timeout", "5")
    assert waited.code == 1 and "ZeroDivisionError" in waited.err
    (folder / "score.py").write_text(script("3"))
    lmd("reload", "digits-1")
    assert lmd("wait", "digits-1").out == f"digits-1: revision 4 serves at http://localhost:{lmd.port}/score\n"


def test_what_a_manifest_has_made_is_not_reloaded(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd("reload", "digits")
    assert result.code == 1 and "digits was applied as a manifest" in result.err


def test_bytes_are_sent_and_printed_as_they_are(lmd: Lmd) -> None:
    code = """
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
@rawhttp
def run(request):
    kind = request.headers["content-type"]
    return AMLResponse(request.get_data(False)[::-1].replace(b"?", kind.encode()), 200, {"content-type": kind})
"""
    lmd.apply(code)
    image = lmd.folder / "image.png"
    image.write_bytes(b"GNP?")
    result = lmd("invoke", "digits", "--request", image, "--content-type", "image/png")
    assert result.out == "image/pngPNG", "no line break is added to what is no text"
    told = json.loads(lmd("invoke", "digits", "--data", "1", "-o", "json").out)
    assert told["status"] == 200 and len(told["request_id"]) == 36


def test_a_request_that_fails_shows_why(lmd: Lmd) -> None:
    lmd.apply("def init(): pass\ndef run(raw_data):\n    return {}[raw_data]\n")
    result = lmd("invoke", "digits", "--data", "age")
    assert result.code == 1 and "answered with status 500" in result.err
    assert 'score.py", line 3, in run' in result.err and result.err.endswith("KeyError: 'age'\n")


def test_an_entry_script_that_has_gone_is_not_asked_for_again(lmd: Lmd) -> None:
    folder = source(lmd)
    (folder / "score.py").rename(folder / "other.py")
    lmd("apply", folder, port(lmd), "--entry-script=other.py")
    (folder / "other.py").rename(folder / "score.py")
    assert lmd("apply", folder).code == 0 and lmd.ask(5).body == 5


def test_a_log_may_be_cut_to_its_last_lines(lmd: Lmd) -> None:
    assert lmd.apply(script("1")).code == 0
    lmd.ask()
    assert len(lmd("logs", "digits", "--lines", "1").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["."], "has no score.py and no kustomization.yaml"),
        ([".", "-f", "a.yaml"], "give one of PATH, -f FILE and -k FOLDER"),
        (["code", "--entry-script", "nosuch.py"], "code has no nosuch.py"),
        (["code", "--env", "e", "--conda", "a.yaml"], "give one of --env, --requirements and --conda"),
        (["code", "--variable", "A"], "'A' is not NAME=VALUE"),
        (["code", "--variable", "A B=1"], "'A B' is not a name of a variable: use letters, digits and _"),
        (["code", "--port", "0"], "0 is not in the range"),
        (["kustomized", "--entry-script", "score.py"], "kustomized has a kustomization.yaml"),
        (["a.yaml", "--model", "m", "--name", "n"], "--model, --name: only with a script; a.yaml is a manifest"),
        (["-k", "kustomized", "--port", "1"], "--port: only with a script"),
        (["123"], "'123' is not a valid deployment name"),
        (["azure.yml"], "azure.yml is a file of Azure ML: lmd import azureml azure.yml makes a deployment of it"),
        (["-f", "azure.yml"], "lmd import azureml azure.yml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_said_with_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    for name in ("code/score.py", "123/score.py", "a.yaml", "kustomized/kustomization.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("")
    Path("azure.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\nname: blue\n"
    )
    result = CliRunner().invoke(app.main, ["apply", *arguments])
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_file_that_holds_no_model_needs_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    Path("model.pkl").write_bytes(b"\x80\x05K\x01.")
    result = CliRunner().invoke(app.main, ["apply", "model.pkl"])
    assert result.exit_code == 1
    expected = "error: model.pkl: it holds a value, which has no predict(); write a score.py that loads it"
    assert expected in result.stderr and not (tmp_path / "home" / "store" / "models").exists()

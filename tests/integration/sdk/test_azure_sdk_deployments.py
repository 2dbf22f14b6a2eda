"""The mirrored SDK: deployments, as processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest
from azure_sdk import deploy, environment, workspace  # noqa: F401 - a fixture
from support.lmd_command import free_port, script

from localmodel import Client
from localmodel.azure.core import Environment, Model, Workspace
from localmodel.azure.core.model import InferenceConfig
from localmodel.azure.core.webservice import LocalWebservice, Webservice, WebserviceException
from localmodel.azure.exceptions import UserErrorException


def test_deploy_returns_at_once_and_tells_the_truth_about_its_state(
    ws: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("score.py").write_text("import time\n" + script("1").replace("pass", "time.sleep(1)"))
    service = deploy(ws, Model.register(ws, "model.txt", "m"))
    assert (service.state, service.scoring_uri) == ("deploying", None)
    service.wait_for_deployment(show_output=True)
    assert service.state == "running"
    assert service.scoring_uri == f"http://localhost:{service.port}/score"
    assert service.swagger_uri == f"http://localhost:{service.port}/swagger.json"
    out = capsys.readouterr().out
    assert "models: m:1" in out and f"digits: running at {service.scoring_uri}" in out


def test_waiting_has_an_end_and_the_deployment_goes_on(ws: Workspace) -> None:
    Path("score.py").write_text("import time\n" + script("1").replace("pass", "time.sleep(3)"))
    service = deploy(ws)
    with pytest.raises(WebserviceException, match=r"not deployed after 0\.5 s\. It goes on"):
        service.wait_for_deployment(timeout_sec=0.5)
    assert service.state == "deploying"
    service.wait_for_deployment()
    assert service.run("{}") == 1


def slow(answer: str) -> str:
    return "import time\n" + script(answer).replace("pass", "time.sleep(2)")


def test_run_waits_for_what_was_asked_for_and_calls_wait_for_each_other(ws: Workspace) -> None:
    Path("score.py").write_text(slow("'old'"))
    service = deploy(ws)
    assert service.run("{}") == "old", "run() waits for the first revision"
    Path("score.py").write_text(slow("'new'"))
    service.reload()
    assert service.state == "deploying"
    assert service.run("{}") == "new"
    Path("score.py").write_text(slow("'newer'"))
    service.reload()
    Path("model.txt").write_text("two")
    service.update(models=[Model.register(ws, "model.txt", "m")])  # begins when the reload is done
    assert LocalWebservice(ws, "digits").run("{}") == "newer", "another handle has asked for nothing"
    service.wait_for_deployment()
    assert service.state == "running"
    assert [found.name for found in LocalWebservice.list(ws, model_name="m")] == ["digits"]


def test_a_reload_takes_the_place_of_one_whose_init_hangs(ws: Workspace) -> None:
    service = deploy(ws)
    service.wait_for_deployment()
    Path("score.py").write_text(script("'hopeless'").replace("pass", "__import__('time').sleep(1000)"))
    service.reload()
    Path("score.py").write_text(script("'mended'"))
    service.reload()
    assert service.run("1") == "mended"


def test_run_tells_once_that_what_was_asked_for_does_not_serve(ws: Workspace) -> None:
    service = deploy(ws)
    assert service.run("1") == {"got": 1}
    Path("score.py").write_text(script("1").replace("pass", "raise KeyError('broken')"))
    service.reload()
    with pytest.raises(WebserviceException, match="broken") as raised:
        service.run("1")
    assert raised.value.traceback and raised.value.traceback.rstrip().endswith("KeyError: 'broken'")
    assert (service.state, service.run("1")) == ("failed", {"got": 1})


def test_a_first_revision_that_fails_is_told_by_each_call(ws: Workspace) -> None:
    Path("score.py").write_text(script("1").replace("pass", "raise KeyError('broken')"))
    service = deploy(ws)
    with pytest.raises(WebserviceException, match="broken"):
        service.run("1")
    with pytest.raises(WebserviceException, match="broken"):
        service.run("1")
    Path("score.py").write_text(script("'mended'"))
    service.reload()
    assert service.run("1") == "mended"


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="command lines are read from /proc")
def test_a_variable_is_on_no_command_line(ws: Workspace) -> None:
    Path("score.py").write_text("import time\n" + script("1").replace("pass", "time.sleep(1)"))
    variables = environment()
    password = uuid.uuid4().hex
    variables.environment_variables = {"PASSWORD": password}
    configuration = LocalWebservice.deploy_configuration(port=free_port())
    service = Model.deploy(ws, "digits", [], InferenceConfig("score.py", environment=variables), configuration)
    while service.state == "deploying":
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has ended
                assert password.encode() not in command.read_bytes()
    assert service.state == "running"


def test_run_takes_text_and_data_and_shows_what_failed(ws: Workspace) -> None:
    Path("score.py").write_text(
        script("[json.loads(raw_data)['data'], calls.append(1), len(calls)]") + "\ncalls = []\n"
    )
    service = deploy(ws)
    service.wait_for_deployment()
    assert service.run('{"data": 5}') == [5, None, 1]
    assert service.run({"data": [1]}) == [[1], None, 2]
    with pytest.raises(WebserviceException) as raised:
        service.run('{"wrong": 5}')
    error = raised.value
    assert error.status_code == 500 and "x-request-id" in str(error.body)
    assert error.traceback and error.traceback.rstrip().endswith("KeyError: 'data'")
    assert error.logs and "KeyError" in error.logs
    assert service.run('{"data": 5}') == [5, None, 3]  # the failing request was not sent again


def test_a_failed_deployment_has_traceback_and_logs(ws: Workspace) -> None:
    Path("score.py").write_text(script("1").replace("pass", "raise KeyError('nothing here')"))
    service = deploy(ws)
    with pytest.raises(WebserviceException) as raised:
        service.wait_for_deployment()
    error = raised.value
    assert "score.py" in str(error) and error.traceback and "KeyError: 'nothing here'" in error.traceback
    assert error.logs and "nothing here" in error.logs
    assert service.state == "failed"
    assert "nothing here" in service.get_logs()


def test_what_fails_before_anything_starts_is_told_too(ws: Workspace) -> None:
    wrong = environment()
    wrong.python.conda_dependencies.add_pip_package("joblib==99.0")
    service = Model.deploy(ws, "digits", [], InferenceConfig("score.py", environment=wrong))
    with pytest.raises(WebserviceException, match="joblib"):
        service.wait_for_deployment()
    assert (service.state, Webservice(ws, "digits").state) == ("failed", "failed")
    assert "requirements" in service.get_logs()
    service.delete()
    with pytest.raises(WebserviceException, match="there is no deployment digits"):
        Webservice(ws, "digits")


def test_update_keeps_what_is_not_given(ws: Workspace) -> None:
    text = "import os\n" + script("[os.path.basename(os.environ['AZUREML_MODEL_DIR']), os.environ.get('A'), 'old']")
    Path("score.py").write_text(text)
    model = Model.register(ws, "model.txt", "m")
    made = environment()
    made.environment_variables = {"A": "from the environment"}
    config = InferenceConfig("score.py", environment=made)
    service = Model.deploy(ws, "digits", [model], config, LocalWebservice.deploy_configuration(free_port()))
    service.wait_for_deployment()
    address = service.scoring_uri
    assert service.run("{}") == ["1", "from the environment", "old"]

    Path("model.txt").write_text("two")
    service.update(models=[Model.register(ws, "model.txt", "m")], wait=True)
    assert service.run("{}") == ["2", "from the environment", "old"]

    Path("other.py").write_text(text.replace("'old'", "'new'"))
    service.update(inference_config=InferenceConfig("other.py"), wait=True)
    assert service.run("{}") == ["2", "from the environment", "new"]
    assert service.scoring_uri == address


def test_update_takes_the_environment_that_it_has_and_another_one(ws: Workspace) -> None:
    service = deploy(ws)
    service.wait_for_deployment()
    service.update(inference_config=InferenceConfig("score.py", environment=Environment.get(ws, "plain")), wait=True)
    coloured = environment()
    coloured.environment_variables = {"COLOUR": "red"}
    Path("score.py").write_text("import os\n" + script("os.environ['COLOUR']"))
    service.update(inference_config=InferenceConfig("score.py", environment=coloured), wait=True)
    assert service.run("{}") == "red"


def test_a_broken_update_fails_and_the_old_revision_goes_on(ws: Workspace) -> None:
    service = deploy(ws)
    service.wait_for_deployment()
    Path("score.py").write_text(script("1").replace("pass", "raise KeyError('broken')"))
    service.reload()
    with pytest.raises(WebserviceException, match="broken"):
        service.wait_for_deployment()
    assert service.state == "failed"
    assert service.run("1") == {"got": 1}


def test_reload_reads_the_script_again_also_from_another_program(ws: Workspace) -> None:
    service = deploy(ws)
    service.wait_for_deployment()
    Path("score.py").write_text(script("'edited'"))
    again = LocalWebservice(ws, "digits")
    again.reload(wait=True)
    assert service.run("{}") == "edited"


def test_a_source_directory_is_deployed_whole(ws: Workspace) -> None:
    Path("src/helpers").mkdir(parents=True)
    Path("src/score.py").write_text("from helpers.words import WORD\n" + script("WORD"))
    Path("src/helpers/words.py").write_text("WORD = 'helped'\n")
    service = deploy(ws, source_directory="src")
    service.wait_for_deployment()
    assert service.run("{}") == "helped"


def test_a_source_directory_is_found_under_its_own_name_too(ws: Workspace) -> None:
    Path("src/x").mkdir(parents=True)
    reads = "import json\nfrom src.x import words\n" + script("[words.WORD, json.load(open('./src/extra.json'))]")
    Path("src/x/score.py").write_text(reads)
    Path("src/x/words.py").write_text("WORD = 'helped'\n")
    Path("src/extra.json").write_text("[1]")
    config = InferenceConfig("x/score.py", source_directory="src", environment=environment())
    service = Model.deploy(ws, "digits", [], config, LocalWebservice.deploy_configuration(port=free_port()))
    service.wait_for_deployment()
    assert service.run("{}") == ["helped", [1]]
    Path("src/extra.json").write_text("[2]")
    service.reload()
    assert service.run("{}") == ["helped", [2]]


def test_listed_serialized_deleted(ws: Workspace) -> None:
    model = Model.register(ws, "model.txt", "m")
    service = deploy(ws, model)
    service.wait_for_deployment()
    assert [found.name for found in LocalWebservice.list(ws, model_name="m")] == ["digits"]
    assert [found.name for found in Webservice.list(ws, model_id="m:1")] == ["digits"]
    assert Webservice.list(ws, model_name="n") == []
    assert json.loads(json.dumps(service.serialize()))["state"] == "running"
    with pytest.raises(WebserviceException, match="digits"):
        model.delete()
    with pytest.raises(NotImplementedError, match="no keys"):
        service.get_keys()
    service.delete()
    assert (service.state, service.scoring_uri, LocalWebservice.list(ws, all=True)) == ("deleted", None, [])
    with pytest.raises(WebserviceException, match="is deleted"):
        service.run("{}")
    model.delete()


def test_what_another_command_has_deleted_is_deleted(ws: Workspace) -> None:
    service = deploy(ws)
    service.wait_for_deployment()
    Client().get("digits").delete()
    assert (service.state, LocalWebservice.list(ws, all=True)) == ("deleted", [])
    with pytest.raises(WebserviceException, match="is deleted"):
        service.wait_for_deployment()
    with pytest.raises(WebserviceException, match="there is no deployment digits"):
        Webservice(ws, "digits")


def test_ctrl_c_ends_the_waiting_and_not_the_deployment(ws: Workspace) -> None:
    Path("score.py").write_text("import time\n" + script("1").replace("pass", "time.sleep(2)"))
    program = f"""
        from localmodel.azure.core import Environment, Model, Workspace
        from localmodel.azure.core.model import InferenceConfig
        from localmodel.azure.core.webservice import LocalWebservice

        ws = Workspace.from_config()
        config = InferenceConfig("score.py", environment=Environment.get(ws, "plain"))
        service = Model.deploy(ws, "digits", [], config, LocalWebservice.deploy_configuration(port={free_port()}))
        print("deploying", flush=True)
        service.wait_for_deployment()
    """
    environment().register(ws)
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as waiting:
        assert waiting.stdout and waiting.stdout.readline() == b"deploying\n"
        os.killpg(waiting.pid, signal.SIGINT)  # to all of the terminal's processes, as Ctrl-C
        waiting.communicate(timeout=60)
    service = Webservice(ws, "digits")
    assert service.state == "deploying"
    service.wait_for_deployment()
    assert service.run("{}") == 1


def test_delete_ends_a_deployment_that_is_under_way(ws: Workspace) -> None:
    Path("score.py").write_text("import time\n" + script("1").replace("pass", "time.sleep(60)"))
    service = deploy(ws)
    time.sleep(2)
    service.delete()
    assert (service.state, LocalWebservice.list(ws, all=True)) == ("deleted", [])


@pytest.mark.parametrize("exit_by", ["pass", "raise SystemExit(1)", "os.kill(os.getpid(), 9)"])
def test_a_program_that_ends_right_after_deploy_gets_its_deployment(ws: Workspace, exit_by: str) -> None:
    program = f"""
        import os
        from localmodel.azure.core import Environment, Model, Workspace
        from localmodel.azure.core.model import InferenceConfig
        from localmodel.azure.core.webservice import LocalWebservice

        ws = Workspace.from_config()
        config = InferenceConfig("score.py", environment=Environment.get(ws, "plain"))
        Model.deploy(ws, "digits", [], config, LocalWebservice.deploy_configuration(port={free_port()}))
        {exit_by}
    """
    environment().register(ws)
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    service = Webservice(ws, "digits")
    service.wait_for_deployment(timeout_sec=60)
    assert (service.state, service.run("7")) == ("running", {"got": 7})


@pytest.mark.parametrize("name", ["Digits", "1digits", "digits_2", "d" * 49, ""])
def test_a_name_that_cannot_be(ws: Workspace, name: str) -> None:
    with pytest.raises(UserErrorException, match="not a valid deployment name"):
        Model.deploy(ws, name, [], InferenceConfig("score.py", environment=environment()))


@pytest.mark.parametrize("port", [0, 65536, "6789", True])
def test_a_port_that_cannot_be(port: object) -> None:
    with pytest.raises(UserErrorException, match="a number from 1 to 65535"):
        LocalWebservice.deploy_configuration(port=port)  # type: ignore[arg-type]


def test_a_target_that_cannot_be() -> None:
    with pytest.raises(UserErrorException, match="unknown target 'aks'; choose process, docker or kind"):
        LocalWebservice.deploy_configuration(target="aks")


def test_models_that_are_none(ws: Workspace) -> None:
    config = InferenceConfig("score.py", environment=environment())
    with pytest.raises(UserErrorException, match=r"'model\.txt' is not a Model; register"):
        Model.deploy(ws, "digits", ["model.txt"], config)  # type: ignore[list-item]
    with pytest.raises(UserErrorException, match="models: give a list"):
        Model.deploy(ws, "digits", Model.register(ws, "model.txt", "m"), config)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="give inference_config"):
        Model.deploy(ws, "digits", [])
    with pytest.raises(UserErrorException, match="deployment_target is not supported here"):
        Model.deploy(ws, "digits", [], config, deployment_target="aks")

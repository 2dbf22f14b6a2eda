"""From a script and a model to answers, and from an edit to the new answer, in Python."""

import contextlib
import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.lmd_command import free_port, script
from support.sdk_given import given_client, given_digits, given_home, write_source  # noqa: F401 - fixtures

from localmodel import Client, DeployError, Deployment, ScoringError, UserError
from localmodel.disk import home
from localmodel.project.given import own_python
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store
from localmodel.targets.machine.state import Slot, State
from localmodel.targets.process import ProcessRunner


def test_a_script_is_deployed_asked_and_deleted(client: Client) -> None:
    Path("score.py").write_text(script("json.loads(raw_data)"))
    port = free_port()
    digits = client.deploy("digits", "score.py", port=port)
    assert digits.state == "running" and digits.message == ""
    assert digits.url == f"http://localhost:{port}/score"
    assert digits.score({"data": [1]}) == {"data": [1]}
    assert [one.name for one in client.list()] == ["digits"]
    digits.delete()
    assert digits.state == "deleted" and client.list() == []
    digits.delete(missing_ok=True)
    with pytest.raises(UserError, match="no deployment digits"):
        digits.delete()
    with pytest.raises(UserError, match="no deployment digits"):
        digits.score(1)


def test_every_kind_of_data_arrives(digits: Deployment) -> None:
    assert digits.score({"a": 1}) == {"a": 1}
    assert digits.score([[1, 2]]) == [[1, 2]]
    assert digits.score('{"a":  1}') == {"a": 1}
    assert digits.score("a sentence") == "a sentence"
    assert digits.score(np.eye(2)) == {"data": [[1.0, 0.0], [0.0, 1.0]]}
    assert digits.score(pd.DataFrame({"a": [1], "b": ["x"]})) == {"data": [{"a": 1, "b": "x"}]}
    assert digits.score(b"\x00\x01\xff") == b"\xff\x01\x00", "bytes in, bytes out"


def test_a_request_may_be_wholly_ones_own(digits: Deployment) -> None:
    assert digits.score(b'"header"', content_type="application/json", headers={"X-Mine": "yes"}) == "yes"


def test_a_script_that_raises_gives_its_traceback_and_goes_on(digits: Deployment) -> None:
    with pytest.raises(ScoringError, match="no such row") as caught:
        digits.score("fail")
    error = caught.value
    assert error.status == 500 and error.body.startswith(b'{"message"')
    assert len(error.request_id) == 36
    assert 'helper.py", line 3, in fail' in error.traceback
    assert error.traceback.endswith("LookupError: no such row")
    assert digits.score(1) == 1


def test_each_of_many_failing_requests_gets_its_own_traceback(client: Client) -> None:
    Path("score.py").write_text("def init(): pass\ndef run(raw_data): raise ValueError(raw_data)\n")
    digits = client.deploy("digits", "score.py", port=free_port(), server={"workers": 2})

    def ask(number: int) -> str:
        with pytest.raises(ScoringError) as caught:
            digits.score(number)
        return caught.value.traceback.splitlines()[-1]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(24))) == [f"ValueError: {number}" for number in range(24)]


def test_an_error_that_the_script_answers_with_is_no_traceback(digits: Deployment) -> None:
    with pytest.raises(ScoringError, match="short and stout") as caught:
        digits.score("teapot")
    assert (caught.value.status, caught.value.traceback) == (418, "")


def test_an_environment_takes_the_place_of_one_of_another_kind(client: Client) -> None:
    stored = Store(home.store()).environments.register("e", EnvironmentSpec(own_python()), {"COLOUR": "red"})
    Path("score.py").write_text("import os\n" + script("os.environ.get('COLOUR', 'none')"))
    digits = client.deploy("digits", "score.py", environment=[], port=free_port())
    for environment, colour in (("e", "red"), (stored, "red"), ([], "none"), ("e:1", "red")):
        digits.update(environment=environment)
        assert digits.score(1) == colour
    digits.update(server={"workers": 1})
    assert digits.score(1) == "red", "what is not named of the server's settings has its default"


def test_models_are_paths_names_and_versions(client: Client) -> None:
    write_source(Path())
    Path("My Model.pkl").write_text("1")
    Path("scaler").mkdir()
    Path("scaler/scaler.bin").write_text("2")
    registered = client.models.register("digits", Path("My Model.pkl"))
    given = [registered, "scaler", Path("My Model.pkl")]
    digits = client.deploy("digits", "score.py", models=given, port=free_port())
    names = [(model["name"], model["version"]) for model in digits.manifest["spec"]["models"]]
    assert names == [("digits", 1), ("digits-scaler", 1), ("digits-My-Model", 1)]
    digits.update(models="digits:1")
    folder = Path(digits.score("variable")[1])
    assert folder.parts[-2:] == ("digits", "1") and [path.name for path in folder.iterdir()] == ["My Model.pkl"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"models": "nosuch"}, "ModelNotFound"),
        ({"models": "digits:7"}, "VersionNotFound"),
        ({"models": "./nosuch.pkl"}, "ModelFileMissing"),
        ({"models": ["digits", "digits:1"]}, "ModelTwice"),
        ({"script": "nosuch.py"}, "EntryScriptMissing"),
        ({"source_directory": "nosuch"}, "EntryScriptMissing"),
        ({"environment": "nosuch"}, "EnvironmentNotFound"),
        ({"environment": "nosuch.txt"}, "EnvironmentFileMissing"),
        ({"environment": ["no such requirement!"]}, "RequirementsUnresolvable"),
        ({"name": "Not A Name"}, "DeploymentNameInvalid"),
        ({"name": "d" * 49}, "DeploymentNameInvalid"),
        ({"server": {"wrokers": 2}}, "InvalidManifest"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_anything_is_deployed(
    client: Client, arguments: dict[str, object], reason: str
) -> None:
    write_source(Path())
    client.models.register("digits", write_source(Path("other")))
    with pytest.raises(UserError) as caught:
        client.deploy(**{"name": "digits", "script": "score.py", "port": free_port(), **arguments})  # type: ignore[arg-type]
    assert caught.value.reason == reason, str(caught.value)
    assert client.list() == []


def test_an_update_keeps_what_it_does_not_name(client: Client) -> None:
    write_source(Path())
    Path("model.bin").write_text("1")
    port = free_port()
    digits = client.deploy("digits", "score.py", models="model.bin", variables={"COLOUR": "red"}, port=port)
    before = digits.manifest
    Path("other.py").write_text(Path("score.py").read_text().replace("return asked", "return [asked]"))
    digits.update(script="other.py")
    assert digits.score(1) == [1]
    assert digits.score("variable")[0] == "red"
    after = digits.manifest
    for field in ("models", "env", "service", "environment"):
        assert after["spec"][field] == before["spec"][field]
    digits.update(variables={"COLOUR": "blue"})
    assert digits.score("variable")[0] == "blue" and digits.score(1) == [1]
    other = free_port()
    digits.update(port=other)
    assert digits.url == f"http://localhost:{other}/score" and digits.score(1) == [1]


def test_a_deploy_that_fails_tells_why_and_the_old_one_serves_on(digits: Deployment) -> None:
    Path("bad.py").write_text("def init():\n    return {}['age']\n\ndef run(raw_data): pass\n")
    with pytest.raises(DeployError, match=r"bad\.py:2: KeyError: 'age'") as caught:
        digits.update(script="bad.py")
    assert caught.value.reason == "RevisionFailed"
    assert caught.value.traceback.endswith("KeyError: 'age'") and 'bad.py", line 2, in init' in caught.value.traceback
    assert digits.state == "failed" and "bad.py:2" in digits.message
    assert digits.score(1) == 1, "the old one"
    with pytest.raises(DeployError, match=r"bad\.py:2"):
        digits.wait(timeout=60)
    digits.update(script="code/score.py")
    assert digits.state == "running"


def test_a_script_that_cannot_be_read_is_refused_with_its_line(digits: Deployment) -> None:
    Path("bad.py").write_text("def init(): pass\ndef run(raw_data) pass\n")
    with pytest.raises(DeployError, match=r"bad\.py:2: SyntaxError") as caught:
        digits.update(script="bad.py")
    assert caught.value.traceback == "" and digits.score(1) == 1, "the old one"
    assert digits.state == "failed" and "bad.py:2: SyntaxError" in digits.message
    digits.update(script="code/score.py")
    assert digits.state == "running"


def test_reload_reads_the_source_again_also_from_another_program(client: Client, digits: Deployment) -> None:
    Path("code/score.py").write_text(script("'edited'"))
    Client().get("digits").reload()
    assert digits.score(1) == "edited"
    Path("code/helper.py").write_text("1 +\n")
    with pytest.raises(DeployError, match=r"helper\.py:1: SyntaxError"):
        digits.reload()
    Path("code/score.py").unlink()
    with pytest.raises(UserError, match=r"work/code/score\.py: the source no longer exists"):
        digits.reload()
    assert digits.score(1) == "edited"


def test_a_source_folder_comes_with_every_file_and_a_script_with_its_modules(client: Client) -> None:
    source = Path("source")
    write_source(source / "pkg")
    (source / "notes.txt").write_text("text")
    code = "import pathlib\ndef init(): pass\ndef run(raw_data): return sorted(ROOT)\n"
    root = "p.relative_to(r).as_posix() for r in [pathlib.Path(__file__).parent] for p in r.rglob('*.*')"
    (source / "score.py").write_text(code.replace("ROOT", root))
    (source / "pkg" / "data.json").write_text("{}")
    digits = client.deploy("digits", "score.py", source_directory=source, port=free_port())
    files = ["notes.txt", "pkg/data.json", "pkg/helper.py", "pkg/score.py", "score.py"]
    assert [name for name in digits.score(1) if "pyc" not in name and "azureml" not in name] == files
    digits.update(script=source / "score.py")
    modules = [name for name in files if name.endswith(".py")]
    assert [name for name in digits.score(1) if "pyc" not in name and "azureml" not in name] == modules


def test_an_array_goes_where_the_scripts_schema_has_it(client: Client) -> None:
    Path("score.py").write_text(script("json.loads(raw_data)['rows']"))
    Path("swagger3.1.json").write_text(
        '{"components": {"schemas": {"ServiceInput": {"properties": {"rows": {"format": "numpy.ndarray"}}}}}}'
    )
    digits = client.deploy("digits", "score.py", source_directory=".", port=free_port())
    assert digits.score(np.eye(1)) == [[1.0]]
    Path("swagger3.1.json").unlink()
    Path("score.py").write_text(script("json.loads(raw_data)['data']"))
    Client().get("digits").reload()
    with pytest.raises(ScoringError, match="KeyError: 'data'"):
        digits.score(np.eye(1))  # this handle learns from the answer that another revision serves
    assert digits.score(np.eye(1)) == [[1.0]]


def test_the_log_is_a_text_and_can_be_followed(digits: Deployment) -> None:
    assert "hello from init" in digits.logs()
    assert len(digits.logs(lines=1).splitlines()) == 1
    following = digits.follow()
    seen = next(following)
    Path("code/score.py").write_text("def init(): print('the second one')\ndef run(raw_data): pass\n")
    digits.reload()
    while "the second one" not in seen:
        seen += next(following)
    digits.delete()
    assert "".join(following) is not None, "it ends with the deployment"


def test_progress_is_printed_where_it_is_wanted(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    write_source(Path())
    digits = client.deploy("digits", "score.py", port=free_port())
    assert capfd.readouterr() == ("", "")
    digits.update(variables={"COLOUR": "red"}, progress=True)
    printed, errors = capfd.readouterr()
    assert "revision 2: serves" in printed and errors == ""


def test_nothing_is_sent_a_second_time(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = []

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(TimeoutError):
                    asked.append(connection)
                    connection.settimeout(1)
                    while connection.recv(65536):  # all of it, else the kernel resets the connection
                        pass

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        digits = Deployment("digits", client._target, client._connections)
        digits._url = f"http://localhost:{listener.getsockname()[1]}/score"
        with pytest.raises(UserError, match="does not answer: Server disconnected"):
            digits.score(1)
        assert len(asked) == 1
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_timeout_is_kept_and_named(client: Client) -> None:
    Path("score.py").write_text("import time\ndef init(): pass\ndef run(raw_data): time.sleep(30)\n")
    digits = client.deploy("digits", "score.py", port=free_port())
    with pytest.raises(UserError, match=r"did not answer within 0\.2 s") as caught:
        digits.score(1, timeout=0.2)
    assert caught.value.reason == "TimedOut"


def test_a_proxy_of_the_shell_is_not_asked(digits: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert digits.score(1) == 1


def test_a_deployment_is_all_that_a_program_has_to_keep(client: Client) -> None:
    write_source(Path())
    digits = Client().deploy("digits", "score.py", port=free_port())
    gc.collect()
    assert digits.score(1) == 1
    pool = digits._connections._pool
    assert pool is not None
    del digits
    gc.collect()
    assert pool.is_closed


def test_threads_share_a_client(digits: Deployment) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(digits.score, range(100))) == list(range(100))


def test_a_port_that_another_program_takes_meanwhile_gives_way_to_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_source(Path())
    start = ProcessRunner.start
    with socket.socket() as other:

        def taken_first(runner: ProcessRunner, place: State, slot: Slot, port: int, *how: Any) -> str:
            if other.getsockname()[1] == 0:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", port))
                other.listen()
            return start(runner, place, slot, port, *how)

        monkeypatch.setattr(ProcessRunner, "start", taken_first)
        digits = client.deploy("digits", "score.py")
        assert digits.score(1) == 1
        taken = other.getsockname()[1]
        assert digits.url != f"http://localhost:{taken}/score"
        with pytest.raises(UserError, match=f"{taken} is held by"):
            client.deploy("other", "score.py", port=taken)


def test_a_target_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match="moon"):
        Client("moon")

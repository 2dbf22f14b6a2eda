"""lmd why, of a deployment that runs as a process."""

import json
from pathlib import Path

import pytest
from support.lmd_command import Lmd, script
from support.server.scoring_server_process import eventually


def deployed(lmd: Lmd, answer: str, capture: str = "percent = 100\n") -> Path:
    """The folder of the deployment churn, applied with a script of this answer."""
    folder = lmd.folder / "churn"
    folder.mkdir(exist_ok=True)
    (folder / "score.py").write_text(script(answer))
    (folder / "lmd.toml").write_text(f"port = {lmd.port}\n[capture]\n{capture}")
    assert lmd("apply", "./churn", "--variable", "RATE=2").code == 0
    return folder


def captured(lmd: Lmd, body: str) -> str:
    """Ask the deployment; the id of the request, once it is kept."""
    answer = json.loads(lmd("invoke", "churn", "--data", body, "-o", "json").out)
    request_id: str = answer["request_id"]
    eventually(lambda: request_id in lmd("capture", "churn").out)
    return request_id


def test_it_names_what_was_behind_an_answer_and_what_differs_now(lmd: Lmd) -> None:
    deployed(lmd, "json.loads(raw_data)")
    first = captured(lmd, "41")
    deployed(lmd, "json.loads(raw_data) + 1")
    second = captured(lmd, "41")

    values = json.loads(lmd("why", first, "-o", "json").out)
    record = json.loads((lmd.home / "deployments" / "churn" / "revisions" / "1" / "record.json").read_text())
    assert (values["revision"], values["deployment"], values["status"]) == ("1", "churn", 200)
    digests = {part: values[part]["digest"] for part in ("base", "server", "lock", "settings")}
    assert digests == {part: record["revision"][part] for part in digests}
    assert values["code"]["digest"] == record["code"] and [*values["code"]["files"]] == ["score.py"]
    assert values["settings"]["variables"] == ["RATE"]
    assert values["serving"] == {"revision": 2, "differs": "spec.scoring changed: score.py"}

    shown = lmd("why", second, "./churn")
    assert shown.code == 0 and "POST /score to churn at " in shown.out, shown.err
    assert "revision  2, of " in shown.out and "code changed: score.py" in shown.out
    assert "now       revision 2: it serves" in shown.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-id"], "no deployment of --target process has captured a request no-such-id"),
        (["no-such-id", "churn"], "no deployment churn runs as a process"),
    ],
)
def test_what_is_not_captured_is_said(lmd: Lmd, words: list[str], said: str) -> None:
    missing = lmd("why", *words)
    assert missing.code == 1 and said in missing.err

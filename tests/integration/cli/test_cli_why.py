"""lmd why and lmd rerun, of a deployment that runs as a process."""

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


def test_a_request_is_asked_again_of_the_revision_that_answered_it(lmd: Lmd) -> None:
    beside = lmd.folder / "beside.json"
    beside.write_text("1")
    folder = deployed(lmd, f'{{"value": json.loads(raw_data), "beside": json.load(open({str(beside)!r}))}}')
    request_id = captured(lmd, "0.1")
    (folder / "score.py").write_text(script("'another'"))
    assert lmd("apply", "./churn").code == 0

    same = lmd("rerun", request_id)
    assert same.code == 0, same.err
    assert same.out == "revision 1 of churn gives the same 27 bytes\n"
    beside.write_text("1.0")
    alike = lmd("rerun", request_id, "churn")
    assert (alike.code, alike.out.splitlines()[0]) == (
        0,
        "revision 1 of churn gives the same values, in other bytes",
    ), alike.err
    beside.write_text("2")
    other = lmd("rerun", request_id)
    assert other.code == 1 and "$.beside: 1 answer, by 1 at most: 1 -> 2" in other.out, other.out
    values = json.loads(lmd("rerun", request_id, "--ignore", "$.beside", "-o", "json").out)
    assert (values["same_bytes"], values["same"], values["after"]) == (False, 1, "revision 1")


def test_what_differs_from_itself_is_named_and_what_is_redacted_is_not_asked(lmd: Lmd) -> None:
    deployed(lmd, '{"at": __import__("time").time_ns()}')
    clock = lmd("rerun", captured(lmd, "1"))
    assert clock.code == 0 and "differ between two answers of the same: $.at" in clock.out, clock.out
    deployed(lmd, "json.loads(raw_data)", 'percent = 100\nredact = ["$.ssn"]\n')
    redacted = lmd("rerun", captured(lmd, '{"ssn": "123-45-6789"}'))
    assert redacted.code == 1 and "its values are redacted" in redacted.err


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

"""lmd capture, of a deployment that runs as a process."""

import json
import os
import signal
import subprocess

import yaml
from support.captured import captured_line
from support.lmd_command import LMD, Lmd, script
from support.server.scoring_server_process import eventually

SECRET = "123-45-6789"


def test_requests_are_kept_from_the_edit_on_that_asks_for_them(lmd: Lmd) -> None:
    folder = lmd.folder / "churn"
    folder.mkdir()
    (folder / "score.py").write_text(script("json.loads(raw_data)"))
    request = json.dumps({"ssn": SECRET, "age": 41})
    settings = f"port = {lmd.port}\n"
    (folder / "lmd.toml").write_text(settings)
    assert lmd("apply", "./churn").code == 0
    lmd("invoke", "churn", "--data", request)
    off = lmd("capture", "churn")
    assert (off.code, off.out) == (1, "") and "spec.capture.percent" in off.err

    (folder / "lmd.toml").write_text(f'{settings}[capture]\npercent = 101\nredact = ["$.ssn"]\n')
    refused = lmd("apply", "./churn")
    assert refused.code == 1 and "lmd.toml:3: capture.percent: 101 is greater than" in refused.err, refused.err
    (folder / "lmd.toml").write_text(f'{settings}[capture]\npercent = 100\nredact = ["$.ssn"]\n')
    planned = lmd("plan", "./churn")
    assert planned.out.startswith("churn: swap: ") and "[capture] changed: " in planned.out, planned.out
    assert lmd("apply", "./churn").code == 0
    none_yet = lmd("capture", "churn")
    assert none_yet.code == 1 and "none has come since" in none_yet.err

    for _ in range(3):
        lmd("invoke", "churn", "--data", request)
    lmd("invoke", "churn", "--data", f'["{SECRET}"]')
    eventually(lambda: len(lmd("capture", "churn").out.splitlines()) == 4)
    file = lmd.folder / "requests.jsonl"
    got = lmd("capture", "./churn", "--last", "2", "-o", str(file))
    assert (got.code, got.out) == (0, "")
    assert f"2 requests of churn: {file}" in got.err
    assert "1 request without a body: the request has nothing at $.ssn" in got.err
    kept, left_out = map(json.loads, file.read_text().splitlines())
    assert json.loads(kept["body"])["age"] == json.loads(kept["answer"])["age"] == 41
    assert kept["revision"] == "2" and "body" not in left_out
    assert file.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line) for line in lmd("capture", "churn", "--format", "cloudevents").out.splitlines()]
    assert [event["type"].rpartition(".")[2] for event in events] == ["request", "response"] * 3 + ["request"]

    everything = [path.read_bytes() for path in (lmd.home / "deployments" / "churn").rglob("*") if path.is_file()]
    assert not [content for content in everything if SECRET.encode() in content]
    (folder / "lmd.toml").write_text(f"{settings}[capture]\npercent = 100\n")
    assert lmd("apply", "./churn").code == 0
    for age in (40, 41, 42):
        lmd("invoke", "churn", "--data", json.dumps({"age": age}))
    eventually(lambda: len(lmd("capture", "churn").out.splitlines()) == 3)
    assert lmd("capture", "churn", "-o", str(file)).code == 0
    same = lmd("replay", str(file), "churn")
    assert (same.code, same.out) == (0, f"0 of 3 answers change: {file} -> churn\n"), same.err
    for against in ("1", str(file)):
        kept = lmd("replay", str(file), "churn", "--against", against)
        assert kept.code == 0 and kept.out.startswith("0 of 3 answers change"), kept.err
    missing = lmd("replay", str(file), "churn", "--against", "9")
    assert missing.code == 1 and "revision 9 is not kept (kept: 1, 2, 3)" in missing.err
    recorded = lmd("gate", "record", "churn")
    assert [request["body"] for request in yaml.safe_load(recorded.out)] == ['{"age": 40}', '{"age": 42}'], recorded.err
    assert lmd("gate", "record", "churn", "--output-file", str(folder / "gate.yaml")).out == ""
    assert yaml.safe_load((folder / "gate.yaml").read_text())
    gated = lmd("apply", "./churn")
    assert gated.code == 0, gated.err
    (folder / "score.py").write_text(script('{**json.loads(raw_data), "old": json.loads(raw_data)["age"] > 41}'))
    for options in ([], ["--against", "serving"]):
        report = lmd.folder / "report.json"
        other = lmd("replay", str(file), "./churn", "-o", str(report), *options)
        assert other.code == 1 and "3 of 3 answers change" in other.out, other.err
        assert [field["field"] for field in json.loads(report.read_text())["fields"]] == ["$.old"]
    assert lmd("replay", str(file), "./churn", "--ignore", "$.old").code == 0
    planned = lmd("plan", "./churn", "--replay", str(file))
    assert planned.code == 0 and planned.out.startswith("churn: swap: "), planned.err
    assert f"\n3 of 3 answers change: {file} -> churn\n  $.old: 3 answers: nothing -> " in planned.out, planned.out
    assert "0 of 3 answers change" in lmd("plan", "./churn", "--replay", str(file), "--ignore", "$.old").out
    alone = lmd("plan", "./churn", "--tolerance", "0.1")
    assert alone.code == 2 and "--tolerance, --relative and --ignore need --replay" in alone.err
    in_json = json.loads(lmd("plan", "./churn", "--replay", str(file), "-o", "json").out)
    assert [one["replay"]["changed"] for one in in_json] == [3]

    assert lmd("delete", "churn").code == 0
    assert not (lmd.home / "deployments" / "churn").exists()


def test_an_apply_that_changes_captured_answers_is_refused(lmd: Lmd) -> None:
    folder = lmd.folder / "churn"
    folder.mkdir()
    (folder / "score.py").write_text(script("json.loads(raw_data)"))
    settings = f"port = {lmd.port}\n[capture]\npercent = 100\n[replay]\nminRequests = 3\n"
    (folder / "lmd.toml").write_text(f"{settings}maxChanged = -1\n")
    refused = lmd("apply", "./churn")
    assert refused.code == 1 and "lmd.toml:6: replay.maxChanged: -1 is less than" in refused.err, refused.err
    (folder / "lmd.toml").write_text(settings)
    first = lmd("apply", "./churn")
    assert first.code == 0 and "captured requests were not asked" in first.err, first.err
    for age in (40, 41, 42):
        lmd("invoke", "churn", "--data", str(age))
    eventually(lambda: len(lmd("capture", "churn").out.splitlines()) == 3)
    (folder / "score.py").write_text(script("json.loads(raw_data) + (raw_data == '42')"))
    refused = lmd("apply", "./churn")
    assert refused.code == 1 and "replay: 1 of 3 answers to captured requests change: $ in 1" in refused.err
    assert lmd("invoke", "churn", "--data", "42").out.strip() == "42"
    (folder / "lmd.toml").write_text(f"{settings}maxChanged = 9\n")
    allowed = lmd("apply", "./churn")
    assert allowed.code == 0 and "answers to captured requests change: $ in" in allowed.err, allowed.err
    assert lmd("invoke", "churn", "--data", "42").out.strip() == "43"
    assert lmd("rollback", "churn").code == 0


def test_ctrl_c_ends_a_replay_and_is_no_answer(lmd: Lmd) -> None:
    folder = lmd.folder / "slow"
    folder.mkdir()
    (folder / "score.py").write_text(
        f"import time\n{script('wait()')}def wait():\n    print('asked', flush=True)\n    time.sleep(5)\n"
    )
    (lmd.folder / "requests.jsonl").write_bytes(captured_line(body="1", answer="1") * 20)
    with subprocess.Popen(
        [LMD, "replay", "requests.jsonl", "./slow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=lmd.folder,
        text=True,
        env={**os.environ, "LOCALMODEL_HOME": str(lmd.home)},
        start_new_session=True,
    ) as process:
        assert process.stderr is not None and process.stdout is not None
        assert any("asked" in line for line in process.stderr)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.stderr.read().strip().endswith("Aborted!")

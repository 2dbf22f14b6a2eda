"""What commands show while they work, on a terminal and elsewhere; requests of every kind to one deployment."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lmd_command import LMD, Lmd, script

SLOW = """
import os, time

def init():
    print("reading part 1 of 2", flush=True)
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.02)

def run(raw_data):
    return raw_data
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lmd]:
    """A deployment that answers with the sum of the request's rows, and fails without any."""
    command = Lmd(tmp_path_factory.mktemp("served"))
    command.apply(script('[sum(row) for row in json.loads(raw_data)["data"]]'))
    yield command
    command.clean_up()


def write(lmd: Lmd, name: str, text: str) -> Path:
    path = lmd.folder / name
    path.write_text(text)
    return path


def test_data_may_name_a_file(served: Lmd) -> None:
    path = write(served, "body", '{"data": [[1, 2]]}')
    assert served("invoke", "digits", "--data", f"@{path}").out == "[3]\n"
    assert served("invoke", "digits", "--data", "@-", stdin='{"data": [[4]]}').out == "[4]\n"
    assert served("invoke", "digits", "--data", "@nosuch").err == "error: nosuch: no such file\n"


def test_each_of_the_json_lines_is_a_request(served: Lmd) -> None:
    path = write(served, "rows.jsonl", '{"data": [[1]]}\n\n{"data": [[2], [3]]}\n')
    assert served("invoke", "digits", "--request", path).out == "[1]\n[2, 3]\n"
    answers = json.loads(served("invoke", "digits", "--request", path, "-o", "json").out)
    assert [(answer["status"], answer["body"]) for answer in answers] == [(200, [1]), (200, [2, 3])]


def test_of_json_lines_the_first_error_is_named_and_the_others_are_answered(served: Lmd) -> None:
    path = write(served, "wrong.jsonl", '{"data": [[1]]}\n{}\n{"data": [[2]]}\n')
    result = served("invoke", "digits", "--request", path)
    assert result.code == 1 and result.out.splitlines()[::2] == ["[1]", "[2]"]
    assert "1 of 3 answers are errors; the first is number 2: 500" in result.err
    assert (
        "there is no line with a request"
        in served("invoke", "digits", "--request", write(served, "no.jsonl", "\n")).err
    )


def test_a_csv_file_is_one_request_with_all_rows(served: Lmd) -> None:
    path = write(served, "rows.csv", "a,b\n1,2\n3,4\n")
    assert served("invoke", "digits", "--request", path).out == "[3, 7]\n"
    assert "is not CSV" in served("invoke", "digits", "--request", write(served, "bad.csv", '"1\n')).err
    as_it_is = served("invoke", "digits", "--request", path, "--content-type", "text/csv")
    assert as_it_is.code == 1 and "status 500" in as_it_is.err


def test_a_measurement_counts_and_is_a_table_or_json(served: Lmd) -> None:
    path = write(served, "two.jsonl", '{"data": [[1]]}\n{"data": [[2]]}\n')
    found = json.loads(served("bench", "digits", "--request", path, "-c", "3", "--count", "20", "-o", "json").out)
    assert (found["requests"], found["errors"], found["clients"]) == (20, 0, 3)
    assert 0 < found["p50_seconds"] <= found["p99_seconds"] <= found["max_seconds"]
    assert found["requests_per_second"] > 0
    shown = served("bench", "digits", "--request", path, "--count", "2").out.splitlines()
    assert shown[0].split() == ["REQUESTS/S", "P50", "P90", "P99", "MAX", "ERRORS"] and shown[1].endswith("0")


def test_errors_are_not_measured_but_told(served: Lmd) -> None:
    result = served("bench", "digits", "--data", "{}", "--count", "5")
    assert result.code == 1 and "nothing is measured: the request is answered with status 500" in result.err
    path = write(served, "later.jsonl", '{"data": [[1]]}\n{}\n')
    late = served("bench", "digits", "--request", path, "--count", "4")
    assert late.code == 1 and "2 errors: status 500" in late.out


def test_the_status_of_one_has_its_figures(served: Lmd) -> None:
    before = json.loads(served("status", "digits", "-o", "json").out)["figures"]
    served("invoke", "digits", "--data", '{"data": [[1]]}')
    served("invoke", "digits", "--data", "{}")
    after = json.loads(served("status", "digits", "-o", "json").out)["figures"]
    assert (after["requests"] - before["requests"], after["errors"] - before["errors"]) == (2, 1)
    assert after["memory_bytes"] > 20_000_000 and after["p50_seconds"] > 0
    assert before["since"] == after["since"]
    text = served("status", "digits").out.splitlines()
    assert text[3].split() == ["REQUESTS", "ERRORS", "P50", "MEMORY", "SINCE"] and " MB " in text[4]
    assert "figures" not in json.loads(served("status", "-o", "json").out)[0], "a list stays quick"


def shown_on_a_terminal(lmd: Lmd, until: str, *arguments: str, then: Path | None = None, columns: int = 100) -> str:
    """What a command writes to a terminal. Once it has written `until`, the file is made, or it is interrupted."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    environment |= {"COLUMNS": str(columns), "LINES": "40"}
    text, end, met = "", time.monotonic() + 120, False
    with subprocess.Popen([LMD, *arguments], env=environment, stderr=theirs, stdout=theirs, cwd=lmd.folder) as command:
        os.close(theirs)
        while time.monotonic() < end:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not piece:
                break
            text += piece.decode(errors="replace")
            if until in text and not met:
                met = True
                then.touch() if then else command.send_signal(signal.SIGINT)
        command.wait(60)
    os.close(ours)
    assert met, text
    return text


def test_what_the_script_prints_while_it_loads_is_shown(lmd: Lmd) -> None:
    go = lmd.folder / "go"
    path = lmd.manifest(SLOW, env=[{"name": "GO", "value": str(go)}])
    text = shown_on_a_terminal(lmd, ": reading part 1 of 2", "apply", "-f", str(path), then=go)
    assert "try: lmd invoke digits" in text and "revision 1: serves" in text


def test_who_interrupts_is_told_what_goes_on(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    path = lmd.manifest(SLOW, env=[{"name": "GO", "value": str(lmd.folder / "never")}])
    text = shown_on_a_terminal(lmd, "reading part 1", "apply", "-f", str(path))
    assert "interrupted: digits: revision 1 goes on serving at" in text
    assert "lmd apply asks for it again" in text and "Traceback" not in text
    assert lmd.ask().body == 1


def test_a_table_fits_the_terminal(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply("def init(): raise ValueError('" + "x" * 300 + "')\ndef run(raw_data): return 1\n")
    text = shown_on_a_terminal(lmd, "NAME", "status", then=lmd.folder / "any", columns=80)
    rows = [line for line in text.splitlines() if "digits" in line]
    assert "…" in rows[0] and len(rows[0].replace("\x1b[31m", "").replace("\x1b[0m", "")) <= 80


def test_forced_colours_do_not_make_anything_move(lmd: Lmd) -> None:
    """As in a notebook."""
    result = lmd("apply", "-f", lmd.manifest(script("1")), env={"FORCE_COLOR": "1"})
    assert result.code == 0
    assert not any(code in result.err for code in ("\x1b[?25l", "\x1b[2K", "\x1b[1A"))

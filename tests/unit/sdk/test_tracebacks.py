"""The script's traceback out of a log, by the request's id or for the last load."""

import json

from localmodel.sdk import tracebacks

CHAIN = """Traceback (most recent call last):
  File "/app/score.py", line 7, in run
    return help("k")
           ^^^^^^^^^
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/score.py", line 9, in run
    raise ValueError("first line\\nsecond line") from error
ValueError: first line
second line"""
LOG = f"""2026-11-22T22:37:12.283Z INFO revision '1' serves
request 11aa: run() failed
Traceback (most recent call last):
  File "/app/score.py", line 3, in run
    1 / 0
ZeroDivisionError: division by zero

2026-11-22T22:37:12.380Z INFO 11aa POST /score 500 1.2
a line that the script prints
request 22bb: run() failed
{CHAIN}

2026-11-22T22:37:12.390Z INFO 22bb POST /score 500 1.2
"""
LOADS = """2026-11-22T22:37:13.258Z ERROR revision '2' does not serve: init() failed: score.py:1: KeyError: 'a'
Traceback (most recent call last):
  File "/app/score.py", line 1, in init
KeyError: 'a'
2026-11-22T22:37:14.258Z ERROR revision '3' does not serve: init() failed: score.py:2: NameError: name 'b'
Traceback (most recent call last):
  File "/app/score.py", line 2, in init
NameError: name 'b'
"""


def test_of_a_request() -> None:
    assert tracebacks.of_request(LOG, "11aa").endswith("1 / 0\nZeroDivisionError: division by zero")
    assert tracebacks.of_request(LOG, "11aa").startswith("Traceback")


def test_a_chain_of_exceptions_is_whole_with_texts_of_several_lines() -> None:
    assert tracebacks.of_request(LOG, "22bb") == CHAIN


def test_of_a_request_that_the_log_does_not_have() -> None:
    for log in (LOG, "", "request 33cc: run() failed"):
        assert tracebacks.of_request(log, "33cc") == ""
    assert tracebacks.of_request(LOG, "") == ""


def test_of_the_last_load() -> None:
    assert tracebacks.of_load(LOADS).splitlines()[-1] == "NameError: name 'b'"
    assert tracebacks.of_load(LOG) == ""


def test_a_load_that_failed_without_a_traceback_has_none_of_an_older_one() -> None:
    failed = "2026-11-22T22:37:15.000Z ERROR revision '4' does not serve: gate: request 1: expected 2, got 7\n"
    assert tracebacks.of_load(LOADS + failed) == ""


def test_a_load_that_is_followed_by_the_servers_lines() -> None:
    log = LOADS + "2026-11-22T22:37:15.000Z INFO 33cc POST /score 200 1.2\n"
    assert tracebacks.of_load(log).splitlines()[-1] == "NameError: name 'b'"


def test_the_lines_of_a_cluster_have_the_pod_before_them() -> None:
    log = "".join(f"[pod/digits-7f-x2/server] {line}\n" for line in LOG.splitlines())
    assert tracebacks.of_request(log, "22bb") == CHAIN


def test_lines_in_json() -> None:
    text = "revision '2' does not serve: oh\nTraceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 1"
    lines = [json.dumps({"time": "t", "message": message}) for message in (text, "listening")]
    log = "\n".join([*lines, "{broken", '{"no": "message"}'])
    assert tracebacks.of_load(log) == 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1'

"""Saving a file, and being answered by it: lmd dev with real files, a real server, real edits."""

import re
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import dev_session
import pytest
import yaml
from dev_session import Dev
from support.captured import captured_line
from support.lmd_command import Lmd, answers, script

WATCHING = "watching deployment.yaml, helper.py, kustomization.yaml, request.json, score.py"


ANSWERS_BOTH = script("[{}, helper.ANSWER]")
HANGING = script("'never'").replace("pass", "while True: __import__('time').sleep(1)")


@pytest.fixture
def folder(lmd: Lmd) -> Path:
    return dev_session.write_folder(lmd)


@pytest.fixture
def dev(lmd: Lmd, folder: Path) -> Iterator[Dev]:
    """The command, when it has brought the first revision into service."""
    with dev_session.running(lmd, folder) as dev:
        dev.says(WATCHING)
        yield dev


def replace(path: Path, text: str) -> None:
    """Save as most editors do: a file beside, then a rename."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.replace(path)


def test_a_save_is_answered_with_its_times_and_the_difference(lmd: Lmd, folder: Path, dev: Dev) -> None:
    assert lmd.ask() == (200, 1, 1)
    (folder / "score.py").write_text(script("[2]"))
    said = dev.says("score.py: revision 2 serves after", "- 1", "+ [2]")
    assert lmd.ask() == (200, [2], 2)
    lasted = r"(\d+ ms|\d+(\.\d+)? s)"
    assert re.search(rf"seen {lasted} · resolved {lasted} · .*serves {lasted} · answer {lasted}", said), said


def test_captured_requests_are_asked_after_each_save(lmd: Lmd, folder: Path) -> None:
    captured = lmd.folder / "requests.jsonl"
    captured.write_bytes(b"".join(captured_line(id=f"r-{number}", body=str(number), answer="1") for number in range(3)))
    with dev_session.running(lmd, folder, "--traffic", captured) as dev:
        dev.says(f"0 of 3 answers change: {captured} -> now", WATCHING)
        (folder / "score.py").write_text(script("json.loads(raw_data) or 1"))
        dev.says("1 of 3 answers change", "$: 1 answer, by 1 at most: 1 -> 2 (request 3)")
    refused = lmd("dev", folder, "--traffic", "nosuch")
    assert refused.code == 1 and "nosuch" in refused.err


def test_the_start_says_what_serves_and_how_it_answers(lmd: Lmd, folder: Path) -> None:
    with dev_session.running(lmd, folder) as dev:
        said = dev.says("Ctrl-C ends watching")
    assert "at the start: revision 1 serves after" in said
    assert "request.json is answered with\n    1\n" in said
    assert "\x1b" not in said, "no colours where there is no terminal"


def test_a_renamed_file_and_those_of_other_folders_are_saves_too(lmd: Lmd, folder: Path, dev: Dev) -> None:
    replace(folder / "score.py", "import helper\n" + script("helper.ANSWER"))
    dev.says("score.py: revision 2 serves", "+ 10")
    replace(folder / "lib" / "helper.py", "ANSWER = 11\n")
    dev.says("helper.py: revision 3 serves", "- 10", "+ 11")


def test_what_raises_in_init_is_told_with_its_traceback_and_the_next_save_is_tried(
    lmd: Lmd, folder: Path, dev: Dev
) -> None:
    (folder / "score.py").write_text(script("2").replace("pass", "{}['age']"))
    said = dev.says("score.py: not updated", "goes on serving")
    assert "Traceback (most recent call last):" in said and "KeyError: 'age'" in said
    assert f"revision 1 goes on serving at http://localhost:{lmd.port}/score" in said
    assert lmd.ask().body == 1
    (folder / "score.py").write_text(script("3"))
    dev.says("score.py: revision 3 serves", "+ 3")


def test_a_syntax_error_is_told_and_what_served_goes_on(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").write_text(script("(1"))
    said = dev.says("score.py: not updated", "goes on serving")
    assert "SyntaxError: '(' was never closed" in said and "revision 1 goes on serving" in said
    (folder / "score.py").write_text(script("1"))
    dev.says("score.py: nothing has changed, revision 1 serves")


def test_what_raises_in_run_is_told_with_its_traceback(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").write_text(script("json.loads(raw_data)['age']"))
    said = dev.says("revision 2 serves", "+ status 500", "KeyError: 'age'")
    assert "score.py" in said.partition("Traceback")[2]


def test_many_files_at_once_are_one_update(lmd: Lmd, folder: Path, dev: Dev) -> None:
    for last in range(10, 300, 10):
        before, saved = lmd.ask().revision, [time.monotonic()]
        for number in range(last - 5, last + 1):
            for path, text in (("lib/helper.py", "ANSWER = {}\n"), ("score.py", f"import helper\n{ANSWERS_BOTH}")):
                replace(folder / path, text.replace("{}", str(number)))
                saved.append(time.monotonic())
            time.sleep(0.005)
        dev.says(f"+ [{last}, {last}]")
        if max(later - earlier for earlier, later in pairwise(saved)) < 0.02:  # else this machine was busy with others
            break
    assert dev.is_silent() and lmd.ask() == (200, [last, last], before + 1)


def test_a_save_takes_the_place_of_one_whose_init_hangs(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").write_text(HANGING)
    dev.says("revision 2: init() of score.py has not returned yet, after 5 s")
    assert lmd.ask() == (200, 1, 1)
    (folder / "score.py").write_text(script("3"))
    said = dev.says("score.py: revision 3 serves", "- 1", "+ 3")
    assert "score.py: given up after" in said and "score.py has been saved again" in said
    assert lmd.ask() == (200, 3, 3)


def test_a_first_init_that_hangs_is_given_up_for_the_next_save(lmd: Lmd, folder: Path) -> None:
    (folder / "score.py").write_text(HANGING)
    with dev_session.running(lmd, folder) as dev:
        dev.says("revision 1: init() of score.py has not returned yet")
        (folder / "score.py").write_text(script("2"))
        dev.says("at the start: given up after", "score.py: revision 2 serves", "is answered with\n    2")


def test_a_save_takes_the_place_of_another_command_whose_init_hangs(lmd: Lmd, folder: Path, dev: Dev) -> None:
    with lmd.running("apply", lmd.manifest(HANGING)) as other:
        other.says("after 5 s")
        (folder / "score.py").write_text(script("2"))
        dev.says("score.py: revision 3 serves", "+ 2")
        assert other.process.wait(60) == 3 and "a newer command has taken over digits" in other.said()
    assert lmd.status()["ready"]


def test_a_file_that_is_deleted_is_told_and_its_return_is_taken_up(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").unlink()
    dev.says("not updated", "score.py: no such file", "revision 1 goes on serving")
    (folder / "score.py").write_text(script("2"))
    dev.says("revision 2 serves", "+ 2")


def test_an_editor_that_deletes_and_writes_again_is_not_told_off(lmd: Lmd, folder: Path, dev: Dev) -> None:
    for number in range(2, 30):
        deleted = time.monotonic()
        (folder / "score.py").unlink()
        time.sleep(0.1)
        (folder / "score.py").write_text(script(str(number)))
        took = time.monotonic() - deleted
        said = dev.says(f"revision {number} serves", f"+ {number}")
        if took < 0.2:  # else this machine was busy with others
            break
    assert "not updated" not in said


def test_a_folder_that_is_replaced_is_watched_again(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "lib").rename(folder / "old")
    (folder / "lib").mkdir()
    (folder / "lib" / "helper.py").write_text("ANSWER = 12\n")
    dev.says("revision 2 serves")
    (folder / "lib" / "helper.py").write_text("ANSWER = 13\n")
    dev.says("helper.py: revision 3 serves")


def test_a_manifest_that_is_half_written_is_told_and_waited_out(lmd: Lmd, folder: Path, dev: Dev) -> None:
    whole = (folder / "deployment.yaml").read_text()
    (folder / "deployment.yaml").write_text(whole[:40] + ": [")
    dev.says("deployment.yaml: not updated", "not YAML", "revision 1 goes on serving")
    (folder / "deployment.yaml").write_text(whole.replace("spec:", "spec:\n  env: [{name: COLOUR, value: red}]"))
    dev.says("deployment.yaml: revision 2 serves")


def test_a_file_that_the_manifest_names_from_now_on_is_watched_from_now_on(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "extra.py").write_text("ANSWER = 20\n")
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    kustomization["configMapGenerator"][0]["files"].append("more/extra.py")
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    dev.says("kustomization.yaml: revision 2 serves")
    (folder / "more" / "extra.py").write_text("ANSWER = 21\n")
    dev.says("extra.py: revision 3 serves")


def test_files_that_it_is_not_made_from_are_nothing_to_it(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "notes.txt").write_text("hello")
    (folder / ".score.py.swp").write_text("x")
    (folder / "model.pkl").write_bytes(b"x" * 100_000)
    assert dev.is_silent() and lmd.ask().revision == 1


def test_a_save_without_a_change_changes_nothing(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").touch()
    dev.says("score.py: nothing has changed, revision 1 serves\n")
    assert lmd.ask().revision == 1


def test_another_request_is_sent_at_once_and_nothing_is_updated(lmd: Lmd, folder: Path, dev: Dev) -> None:
    (folder / "score.py").write_text(script("json.loads(raw_data)"))
    dev.says("revision 2 serves", '+ {"data": [1]}')
    (folder / "request.json").write_text('{"data": [2]}')
    assert "revision" not in dev.says('request.json is answered with\n    {"data": [2]}')


def test_a_single_manifest_and_a_request_from_elsewhere(lmd: Lmd) -> None:
    manifest = lmd.manifest(script("raw_data"))
    (lmd.folder / "body.txt").write_text("hello")
    with dev_session.running(lmd, manifest, "--request", lmd.folder / "body.txt") as dev:
        dev.says("revision 1 serves", 'body.txt is answered with\n    "hello"', "watching body.txt, digits.yaml")
        lmd.manifest(script("raw_data.upper()"))
        dev.says("digits.yaml: revision 2 serves", '+ "HELLO"')


def test_a_deployment_that_never_served_is_tried_at_the_next_save(lmd: Lmd, folder: Path) -> None:
    (folder / "score.py").write_text(script("1").replace("pass", "{}['age']"))
    with dev_session.running(lmd, folder) as dev:
        said = dev.says("at the start: not updated", "KeyError: 'age'", "watching")
        assert "Traceback" in said and "goes on" not in said.partition("watching")[0]
        (folder / "score.py").write_text(script("2"))
        dev.says("revision 2 serves", "is answered with\n    2")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_the_watching_and_the_deployment_goes_on(
    lmd: Lmd, folder: Path, dev: Dev, number: signal.Signals
) -> None:
    code, said = dev.end(number)
    assert code == 0
    assert said.strip() == f"no longer watching; revision 1 goes on serving at http://localhost:{lmd.port}/score"
    assert answers(lmd.port) and lmd.status()["ready"]

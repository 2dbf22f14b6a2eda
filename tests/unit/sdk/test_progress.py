"""Where the library says what is going on."""

import logging

import pytest

from localmodel.sdk.progress import LoggedProgress, PrintedProgress, reporter


def test_printed_it_is_a_line_a_step_with_notes_between(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PrintedProgress()
    with progress.step("models") as done:
        done("digits:1")
    progress.note("port 6789 is held")
    with progress.step("environment"):
        assert capsys.readouterr().out.endswith("\nenvironment: "), "shown while it goes on"
    assert capsys.readouterr().out == "done\n"
    with progress.step("revision 1") as done:
        progress.note("slow")
        done("serves")
    assert capsys.readouterr().out == "revision 1: …\nslow\nrevision 1: serves\n"


def test_printed_a_step_that_fails_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), PrintedProgress().step("models"):
        raise KeyError
    assert capsys.readouterr().out == "models: failed\n"


def test_otherwise_it_is_logged_and_nothing_is_printed(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = reporter(False)
    with caplog.at_level(logging.INFO, "localmodel"):
        with progress.step("models") as done:
            done("digits:1")
        progress.note("port 6789 is held")
    assert [record.getMessage() for record in caplog.records] == ["models: digits:1 (0.0 s)", "port 6789 is held"]
    assert capsys.readouterr() == ("", "")


def test_the_logger_is_silent_by_itself() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("localmodel").handlers)


def test_who_is_told() -> None:
    assert isinstance(reporter(True), PrintedProgress)
    assert isinstance(reporter(False), LoggedProgress)
    own = PrintedProgress()
    assert reporter(own) is own

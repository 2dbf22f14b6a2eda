"""The bar that a notebook shows while something goes on."""

import pytest

from localmodel.notebook.bar import NotebookProgress, meter


class Screen:
    """In place of a cell's output: what it shows now."""

    plain = html = ""

    def show(self, plain: str, html: str) -> None:
        self.plain, self.html = plain, html


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    shown = Screen()
    monkeypatch.setattr("localmodel.notebook.bar.Area", lambda: shown)
    return shown


def test_the_bar_is_there_as_long_as_the_step(screen: Screen) -> None:
    progress = NotebookProgress()
    with progress.step("environment") as done:
        assert "<progress" in screen.html and screen.plain == "environment …"
        progress.now("30 packages, 4 of 9 MB downloaded")
        progress.note("<slow>")
        assert "4 of 9 MB" in screen.html and "&lt;slow&gt;" in screen.html
        with progress.step("lock"):
            assert screen.plain.endswith("\nlock …")
        assert "\nenvironment: 30 packages" in screen.plain
        done("installed")
    assert "<progress" not in screen.html
    assert screen.plain == "! <slow>\n✓ lock: done\n✓ environment: installed"


def test_a_step_that_fails_or_is_interrupted_leaves_no_bar(screen: Screen) -> None:
    with pytest.raises(KeyboardInterrupt), NotebookProgress().step("revision 2"):
        raise KeyboardInterrupt
    assert screen.plain == "✗ revision 2: failed" and "<progress" not in screen.html


def test_a_transfer_is_shown_only_if_it_takes_long(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localmodel.notebook.bar.is_notebook", lambda: True)
    with meter("registering model.pkl") as report:
        assert report
        report(1, 10)
        assert screen.plain == ""
        monkeypatch.setattr("localmodel.notebook.bar._SECONDS_UNTIL_SHOWN", 0)
        monkeypatch.setattr("localmodel.notebook.bar._SECONDS_BETWEEN", 0)
        report(4_000_000, 8_000_000)
        assert 'value="0.500"' in screen.html and "registering model.pkl: 4 of 8 MB" in screen.html
    assert screen.plain.startswith("registering model.pkl: done") and "<progress" not in screen.html


def test_elsewhere_no_transfer_is_shown(screen: Screen) -> None:
    with meter("registering model.pkl") as report:
        assert report is None

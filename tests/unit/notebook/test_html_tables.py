"""What notebooks show of values."""

from threading import Event

import pytest

from localmodel.notebook import html
from localmodel.notebook.table_list import TableList


class Row:
    def __init__(self, number: int) -> None:
        self._number = number

    def _row(self) -> dict[str, str]:
        return {"number": str(self._number)}


def test_what_others_wrote_is_text() -> None:
    evil = '<script>alert("1")</script>\x1b[2J\u202e'
    for shown in (html.rows([{evil: evil}], ""), html.fields({evil: evil}), html.text(evil), html.rows([], evil)):
        assert "<script>" not in shown and "&lt;script&gt;" in shown
        assert "\x1b" not in shown and "\u202e" not in shown


def test_only_an_address_on_this_machine_is_a_link() -> None:
    assert '<a href="http://localhost:6789/score"' in html.fields({"url": "http://localhost:6789/score"})
    for address in (
        "https://example.org/",
        "javascript:alert(1)",
        'http://localhost:1/"onclick="x',
        "http://localhost.x/",
    ):
        assert "<a" not in html.fields({"url": address})
        assert html.frame("page", address) == ""


def test_fields_without_a_text_are_left_out() -> None:
    shown = html.fields({"name": "digits", "message": ""})
    assert "digits" in shown and "message" not in shown


def test_a_long_list_is_cut_and_says_so() -> None:
    shown = TableList([Row(number) for number in range(100)])._repr_html_()
    assert shown.count("<tr>") == html.MOST_ROWS + 1 and "and 40 more" in shown
    assert len(TableList([Row(1)])) == 1 and TableList([3]) == [3], "it is a list"  # type: ignore[type-var]


def test_what_fails_or_does_not_come_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise LookupError("<no such thing>")

    assert html.in_time(fail, "digits") == "<div>digits: &lt;no such thing&gt;</div>"
    monkeypatch.setattr(html, "_SECONDS", 0)
    assert "digits: no answer within" in html.in_time(lambda: str(Event().wait(30)), "digits")

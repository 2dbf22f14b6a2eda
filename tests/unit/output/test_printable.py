"""What others wrote is shown to people, and steers no terminal."""

import json
import re
import unicodedata

import click
import pytest
import yaml
from click.testing import CliRunner

from localmodel.cli.terminal.output import Failure, print_table, print_value, say
from localmodel.output.printable import json_text, one_line, printable

EVIL = "a\x1b[2Jb\x9b31mc\x07d\re\x7ff\u202eg\u2066h\u2028i\ud800j\x85k"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def test_every_character_that_steers_is_escaped_and_no_other() -> None:
    for code in range(0x110000):
        character = chr(code)
        steers = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in "\n\t"
        steers |= unicodedata.bidirectional(character) in (
            *("LRE", "RLE", "LRO", "RLO", "PDF"),
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
        assert (printable(character) != character) == (steers or character in "\u061c\u200e\u200f"), hex(code)
    assert printable("ä 漢 👩\u200d🔬 [red]\n\t") == "ä 漢 👩\u200d🔬 [red]\n\t"
    assert printable("a\r\nb") == "a\nb" and one_line("a\n\tb") == "a\\n\\tb"


def test_json_says_the_same() -> None:
    text = json_text(json.dumps({"a": [EVIL]}, ensure_ascii=False))
    assert not STEERING.search(text) and json.loads(text) == {"a": [EVIL]}


@click.command()
@click.option("-o", "output")
def command(output: str) -> None:
    if output == "table":
        print_table(["NAME"], [[EVIL + "\nx"], ["y"]])
    elif output == "failure":
        raise Failure(EVIL + "[bold]x[/bold]")
    elif output == "line":
        say(EVIL)
    else:
        print_value({"a": EVIL.replace("\ud800", "")}, output)


@pytest.mark.parametrize("output", ["table", "failure", "line", "json", "yaml"])
def test_everything_that_commands_print(output: str) -> None:
    result = CliRunner().invoke(command, ["-o", output])
    shown = result.output
    assert "2Jb" in shown and not STEERING.search(shown)
    if output == "table":
        assert len(shown.splitlines()) == 3, "a cell is one line"
    if output == "failure":
        assert "[bold]x[/bold]" in shown
    if output in ("json", "yaml"):
        assert yaml.safe_load(shown) == {"a": EVIL.replace("\ud800", "")}

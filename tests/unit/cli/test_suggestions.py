"""What lmd says of a command that it does not have."""

import click
import pytest
from click.testing import CliRunner

from localmodel.cli.app import main


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ps", "lmd status"),
        ("list", "lmd status"),
        ("describe", "lmd status"),
        ("get", "lmd status"),
        ("serve", "lmd apply"),
        ("deploy", "lmd apply"),
        ("predict", "lmd invoke"),
        ("aply", "lmd apply?"),
        ("strt", "lmd start"),
        ("stat", "lmd start or lmd status?"),
        ("Stauts", "lmd status"),
        ("models", "lmd model"),
        ("model ls", "lmd model list"),
        ("model add", "lmd model register"),
        ("env rm", "lmd env delete"),
        ("store garbage", "lmd store"),
    ],
)
def test_another_tools_word_or_a_slip_names_the_command(typed: str, meant: str) -> None:
    result = CliRunner().invoke(main, typed.split(), prog_name="lmd")
    assert result.exit_code == 2
    assert f"No such command {typed.split()[-1]!r}. " in result.stderr
    assert f"Did you mean {meant}" in result.stderr or f"{meant} --help lists all." in result.stderr


def test_what_is_like_nothing_is_not_guessed() -> None:
    result = CliRunner().invoke(main, ["xyzzy"], prog_name="lmd")
    assert "No such command 'xyzzy'. lmd --help lists all." in result.stderr


def test_an_option_that_is_not_known_is_still_said_to_be_one() -> None:
    result = CliRunner().invoke(main, ["--nosuch"], prog_name="lmd")
    assert result.exit_code == 2 and "No such option" in result.stderr


def test_the_help_has_every_command_once_under_a_title() -> None:
    text = CliRunner().invoke(main, ["--help"], prog_name="lmd").stdout
    listed = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2:3].strip()]
    known = main.list_commands(click.Context(main))
    assert sorted(name for name in listed if name in known) == known
    assert "Serve it:" in text and "..." not in text.partition("Options:")[2]

"""What `lmd --help` shows of each command."""

from click.testing import CliRunner

from localmodel.cli.app import main


def test_the_first_sentence_of_each_command_is_shown_whole() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=80, max_content_width=80).output
    assert "apply" in listed and "..." not in listed.partition("Commands:")[2], listed

"""What `lmd --help` shows of each command."""

import click

from localmodel.cli.app import main


def test_the_first_sentence_of_each_command_is_shown_whole() -> None:
    listed = main.get_help(click.Context(main, info_name="lmd", terminal_width=80, max_content_width=80))
    assert "apply" in listed and "..." not in listed.partition("Commands:")[2], listed

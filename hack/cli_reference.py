#!/usr/bin/env python3
"""Prints docs/reference/cli.md: every command of lmd, from its own help."""

import inspect
import re
from collections.abc import Iterator

import click

from localmodel.cli.app import main

PAGE = """\
# The command line

`hack/docs` makes this page from `localmodel/cli/`. `lmd COMMAND --help` prints the same.

Results go to standard output; progress, notes and errors go to standard error.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | it failed, or something is wrong or damaged; standard error says what, where, and what to do |
| 2 | the command line is not valid: an unknown option, a missing argument |
| 3 | a newer command has replaced this one; of `lmd model check`: it has found imports not known to be harmless |
| 4 | of `lmd bisect`: equal runs answer differently |

`-o json` prints the result for programs, and `--target` says where a deployment runs, for all commands that have them.

{index}
{sections}"""


def render() -> str:
    """The page."""
    commands = [(path, command) for path, command in _commands("lmd", main) if command is not main]
    index = [
        f"| [`{path}`](#{_anchor(path)}) | {_summary(command)} |"
        for path, command in commands
        if not isinstance(command, click.Group)
    ]
    return PAGE.format(
        index="\n".join(["| command | does |", "|---|---|", *index, ""]),
        sections="\n".join(_section(path, command) for path, command in commands),
    )


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The command and its subcommands, with the words to type."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _commands(f"{path} {name}", child)


def _section(path: str, command: click.Command) -> str:
    # With the group's settings, because a command keeps the help option that it is first asked for.
    context = click.Context(command, info_name=path, **main.context_settings)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    rows = [_row(parameter, context) for parameter in command.params if isinstance(parameter, click.Option)]
    table = ["", "| option | what it is |", "|---|---|", *rows] if rows else []
    return "\n".join([f"## {path}", "```", usage, "```", _text(command.help or ""), *table, ""])


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" `{_value(option, context)}`"
    default = option.default if option.show_default and not option.is_flag else None
    default_text = f" Default: `{default}`." if default is not None else ""
    required = " Required." if option.required else ""
    return f"| {names}{value} | {_escaped(option.help or '')}{required}{default_text} |"


def _value(option: click.Option, context: click.Context) -> str:
    kind = option.type
    if isinstance(kind, click.IntRange | click.FloatRange) and option.metavar is None:
        return f"{kind.min}..{kind.max}" if kind.max is not None else "NUMBER"
    if isinstance(kind, click.Choice) and option.metavar is None:
        return _escaped("|".join(choice for choice in kind.choices if choice))
    return _escaped(option.make_metavar(context))


def _summary(command: click.Command) -> str:
    return _escaped(command.get_short_help_str(limit=200))


def _text(help_: str) -> str:
    """The help as Markdown; blocks that click must not wrap stay as they are."""
    paragraphs = inspect.cleandoc(help_).split("\n\n")
    return "\n\n".join(
        f"```\n{paragraph.removeprefix(chr(8)).strip(chr(10))}\n```"
        if paragraph.startswith("\b")
        else _escaped(" ".join(paragraph.split()))
        for paragraph in paragraphs
    )


def _escaped(text: str) -> str:
    return re.sub(r"([|<])", lambda match: {"|": r"\|", "<": "&lt;"}[match[1]], text)


def _anchor(path: str) -> str:
    return path.replace(" ", "-")


if __name__ == "__main__":
    print(render(), end="")

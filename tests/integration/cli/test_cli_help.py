"""What holds for every command alike: help, exit codes, no traceback, and that what the docs type can be typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from localmodel.cli.app import main
from localmodel.errors import UserError

ROOT = Path(__file__).parents[3]
# docs/mistakes.md shows what cannot be typed: tests/integration/cli/test_mistakes.py types it.
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {ROOT / "docs" / "mistakes.md"})]


def commands(
    path: tuple[str, ...] = (), command: click.Command = main
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group, with what is typed to reach it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands((*path, name), child)


ALL = [pytest.param(path, command, id=" ".join(path) or "lmd") for path, command in commands()]
LEAVES = [parameter for parameter in ALL if not isinstance(parameter.values[1], click.Group)]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home and an empty current folder."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOCALMODEL_TARGET", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="lmd")


@pytest.mark.parametrize(("path", "command"), ALL)
def test_every_command_and_every_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    for flag in ("--help", "-h"):
        result = run(*path, flag)
        assert result.exit_code == 0 and result.stderr == "" and result.stdout.startswith("Usage: ")
    assert command.help, "no docstring"
    assert re.match(r"[A-Z].*[.)]$", command.get_short_help_str(limit=300)), "a sentence is expected"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert re.match(r"[A-Z(].*\.$", parameter.help or "", re.DOTALL), (
                f"{parameter.opts}: a sentence is expected"
            )
        elif isinstance(parameter, click.Argument):
            assert is_explained(parameter, path, command), f"the help does not say what {parameter.name} is"


def test_the_list_of_commands_and_the_shell_s_have_their_first_sentences() -> None:
    words = " ".join(run("--help").stdout.split())
    offers = {item.value: item.help for item in main.shell_complete(click.Context(main), "")}
    for path, command in commands():
        if len(path) == 1:
            assert " ".join([*path, *command.get_short_help_str(limit=300).split()]) in words
            assert offers.pop(path[0]) == command.get_short_help_str()
    assert not offers


def test_the_list_of_commands_imports_nothing_that_takes_long() -> None:
    """Each of these takes from half a second to several."""
    code = (
        "import sys\n"
        "from localmodel.cli.app import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*sorted({'docker', 'httpx', 'kopf', 'kubernetes', 'rich'} & {*sys.modules}), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.strip()) == (0, "")
    assert "Usage: " in result.stdout


def is_explained(argument: click.Argument, path: tuple[str, ...], command: click.Command) -> bool:
    """In the help of the command or of its group, or by its own form (HOST/REPOSITORY:TAG)."""
    form = argument.make_metavar(click.Context(command)).strip("[].")
    group, _ = follow(list(path[:-1]))
    said = f"{command.help} {group.help}".upper()
    return not form.isalpha() or any(word.upper() in said for word in (form, argument.name or form))


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_every_command_shows_examples_that_can_be_typed(path: tuple[str, ...], command: click.Command) -> None:
    if path == ("completion",):
        return  # it shows what goes into each shell's own file
    examples = (command.help or "").partition("Examples:\n")[2].splitlines()
    assert len(examples) >= 2 and examples[0].strip().startswith(" ".join(["lmd", *path]))
    for line in examples:
        words = shlex.split(line)[1:]
        shown, name = follow(words)
        try:
            context = click.Context(shown, **{**shown.context_settings, **main.context_settings})
            shown.make_parser(context).parse_args(words[len(name) :])
        except click.UsageError as error:
            raise AssertionError(f"{line.strip()}: {error.message}") from None


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_options_that_mean_the_same_are_called_the_same(path: tuple[str, ...], command: click.Command) -> None:
    options = {name: option for option in command.params for name in option.opts if isinstance(option, click.Option)}
    for short, long in (("-o", "--output"), ("-f", None), ("-k", None), ("-n", "--namespace"), ("-h", "--help")):
        if short in options and long is not None:
            assert long in options[short].opts
    if "--target" in options:
        assert "--context" in options
    if "--output" in options and isinstance(options["--output"].type, click.Path):
        assert isinstance(options["--format"].type, click.Choice)
    elif "--output" in options:
        assert isinstance(options["--output"].type, click.Choice)
        assert list(options["--output"].type.choices) == ["text", "json", "yaml"]
    assert not any("_" in name for name in options)


@pytest.mark.parametrize(("path", "command"), ALL)
def test_an_unknown_option_ends_with_code_2(path: tuple[str, ...], command: click.Command) -> None:
    result = run(*path, "--nosuch")
    assert result.exit_code == 2 and result.stdout == "" and "No such option" in result.stderr


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_what_is_for_the_user_ends_with_code_1_and_no_traceback(
    path: tuple[str, ...], command: click.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def callback(**_: object) -> None:
        raise UserError("Reason", "the disk is [full]")

    monkeypatch.setattr(command, "callback", callback)
    monkeypatch.setattr(command, "params", [])
    result = run(*path)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr == "error: the disk is [full]\n"


# What fails in an empty folder with an empty home.
FAILING = [
    "apply -f no.yaml@",
    "apply -k .",
    "delete nosuch",
    "env show nosuch",
    "export azureml nosuch azure",
    "import azureml empty.yaml",
    "invoke nosuch --data 1",
    "logs nosuch",
    "model download nosuch:1",
    "model register nosuch.pkl --name a",
    "model show nosuch",
    "reload nosuch",
    "run nosuch.py@",
    "status nosuch",
    "try",
    "try empty.yaml",
    "wait nosuch",
]


@pytest.mark.parametrize("line", FAILING)
def test_failures_say_what_is_wrong(line: str) -> None:
    Path("empty.yaml").write_text("")
    result = run(*line.split())
    expected = 2 if "@" in line else 1
    assert result.exit_code == expected, result.output
    assert isinstance(result.exception, SystemExit) and result.stderr.count("\n") < 12
    assert result.stderr.startswith("Usage: " if expected == 2 else "error: ")


def typed(text: str) -> Iterator[str]:
    """The commands `lmd ...` that a page shows, one by one, in blocks and between backticks."""
    for block in re.findall(r"```(?:sh|console|bash)?\n(.*?)```", text, re.DOTALL):
        joined = block.replace("\\\n", " ")
        yield from re.findall(r"^(?:\$ |[A-Z_]+=\S+ )*(lmd .*?)(?:\s+#.*|\s*[|>&;].*)?$", joined, re.MULTILINE)
    yield from re.findall(r"`(lmd [a-z][^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


LINES = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in typed(page.read_text())})


def test_the_docs_show_commands() -> None:
    assert len(LINES) > 20


@pytest.mark.parametrize(("page", "line"), [pytest.param(*pair, id=": ".join(pair)) for pair in LINES])
def test_what_the_docs_type_can_be_typed(page: str, line: str) -> None:
    words = shlex.split(line.replace("…", "").replace("...", ""))[1:]
    command, path = follow(words)
    if isinstance(command, click.Group) or len(words) == len(path):
        return  # the docs only name it
    options = [word.partition("=")[0] for word in words[len(path) :] if re.match(r"--?[a-z]", word)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert set(options) <= {*known, "--help", "-h"}, f"{' '.join(path)} has {sorted(known)}"


def follow(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words lead to, and those of them that name it."""
    command: click.Command = main
    path: list[str] = []
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-") or word.isupper():
            break
        child = command.get_command(click.Context(command), word)
        assert child is not None, f"{' '.join(['lmd', *path])} has no command {word}"
        command, path = child, [*path, word]
    return command, path

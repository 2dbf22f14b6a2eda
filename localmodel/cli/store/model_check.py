"""lmd model check: what a model's pickles would do when they are loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from localmodel import pickles
from localmodel.cli.terminal.output import Failure, output_option, print_value, say

_FEW = 12
_NOT_KNOWN = 3


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@output_option
def check(path: Path, output: str) -> None:
    """Say what loading the pickles in PATH, a file or a folder, would import, and who wrote them.

    Nothing of them is loaded. The exit code is 0 when nothing known to be unsafe was found, 1 when something in them is
    known to be unsafe to load or cannot be read, and 3 when they import what is not known to be harmless.

    \b
    Examples:
      lmd model check ./model.pkl
      lmd model check ./artifacts -o json
    """
    report = pickles.examine(path)
    if output != "text":
        print_value(report, output)
    elif not report:
        say(f"no pickle in {path}")
    else:
        for line in report_lines(report):
            say(line)
    if report.get("unsafe"):
        raise Failure(f"loading {path} can run code or change this machine; do so only if you trust who made it")
    if report.get("unread"):
        raise Failure(f"not all of {path} could be read; there may be more in it")
    if report.get("unknown"):
        raise SystemExit(_NOT_KNOWN)


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The report of `examine()` as lines for people, the worst last."""
    lines = [f"{name}: {_form(file)}" for name, file in report["files"].items()]
    if len(lines) > _FEW:
        lines[_FEW:] = [f"and {len(lines) - _FEW} more files"]
    lines += [f"saved with {name} {version}" for name, version in report["versions"].items()]
    if report["modules"]:
        lines.append(f"imports {', '.join(report['modules'])}")
    return [*lines, *of_main(report), *(warnings(report) or ["nothing known to be unsafe was found"])]


def of_main(report: Mapping[str, Any]) -> list[str]:
    """A line about the classes that the entry script must define, if there are any."""
    wanted = pickles.names(report)
    return [pickles.advice(wanted)] if wanted else []


def warnings(report: Mapping[str, Any]) -> list[str]:
    """What to tell a user who registers the model."""
    unsafe = [f"import known to be unsafe: {what}" for what in report.get("unsafe", ())]
    if unknown := report.get("unknown"):
        more = f" and {len(unknown) - _FEW} more" if len(unknown) > _FEW else ""
        unsafe.insert(0, f"imports not known to be harmless: {', '.join(unknown[:_FEW])}{more}")
    return unsafe + [f"not read to the end: {what}" for what in report.get("unread", ())]


def _form(file: Mapping[str, Any]) -> str:
    packed = f", {file['compression']}" if file["compression"] else ""
    return f"{file['format']}, protocol {file['protocol']}{packed}"

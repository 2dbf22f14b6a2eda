"""lmd doctor: what this machine has, and what to do about the rest."""

from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from localmodel import doctor as examination
from localmodel.cli.terminal.output import output_option, print_value
from localmodel.output.printable import printable

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@output_option
def doctor(output: str) -> None:
    """Check that this machine has what is needed.

    The exit code is 1 when something is missing that nothing works without.

    \b
    Examples:
      lmd doctor
      lmd doctor -o json
    """
    findings = examination.examine()
    if output != "text":
        print_value([asdict(finding) for finding in findings], output)
    else:
        console = Console(highlight=False)
        for finding in findings:
            console.print(
                Text(finding.level.ljust(5), _COLOURS[finding.level])
                + Text(printable(f"{finding.what}: {finding.found}")),
                soft_wrap=True,
            )
            if finding.fix:
                console.print(Text(printable(f"      {finding.fix}")), soft_wrap=True)
    if any(finding.level == "fail" for finding in findings):
        raise SystemExit(1)

"""lmd model check: what a model's pickles would do when they are loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from localmodel import pickles
from localmodel.cli.output import Failure, output_option, print_value, say

_FEW = 12
_NOT_KNOWN = 3


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@output_option
def check(path: Path, output: str) -> None:
    """Say what loading the pickles in PATH, a file or a folder, would import, and who wrote them.

    Nothing of them is loaded. The exit code is 0 when nothing known to be unsafe was found, 1 when something in them is
    known to be unsafe to load or cannot be read, and 3 when they import what is not known to be harmless.
    """
    found = pickles.examine(path)
    if output != "text":
        print_value(found, output)
    elif not found:
        say(f"no pickle in {path}")
    else:
        for line in told(found):
            say(line)
    if found.get("unsafe"):
        raise Failure(f"loading {path} can run code or change this machine; do so only if you trust who made it")
    if found.get("unread"):
        raise Failure(f"not all of {path} could be read; there may be more in it")
    if found.get("unknown"):
        raise SystemExit(_NOT_KNOWN)


def told(found: Mapping[str, Any]) -> list[str]:
    """What examine() found, in lines for people; the worst comes last."""
    lines = [f"{name}: {_form(file)}" for name, file in found["files"].items()]
    if len(lines) > _FEW:
        lines[_FEW:] = [f"and {len(lines) - _FEW} more files"]
    lines += [f"saved with {name} {version}" for name, version in found["versions"].items()]
    if found["modules"]:
        lines.append(f"imports {', '.join(found['modules'])}")
    return [*lines, *of_main(found), *(warnings(found) or ["nothing known to be unsafe was found"])]


def of_main(found: Mapping[str, Any]) -> list[str]:
    """What the entry script must have, in a line, if it must have anything."""
    wanted = pickles.names(found)
    return [pickles.advice(wanted)] if wanted else []


def warnings(found: Mapping[str, Any]) -> list[str]:
    """What somebody should know who only registers the model."""
    unsafe = [f"import known to be unsafe: {what}" for what in found.get("unsafe", ())]
    if unknown := found.get("unknown"):
        more = f" and {len(unknown) - _FEW} more" if len(unknown) > _FEW else ""
        unsafe.insert(0, f"imports not known to be harmless: {', '.join(unknown[:_FEW])}{more}")
    return unsafe + [f"not read to the end: {what}" for what in found.get("unread", ())]


def _form(file: Mapping[str, Any]) -> str:
    packed = f", {file['compression']}" if file["compression"] else ""
    return f"{file['format']}, protocol {file['protocol']}{packed}"

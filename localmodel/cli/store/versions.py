"""What the commands on models and environments read and print in the same way."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from localmodel.cli.terminal.meter import meter
from localmodel.cli.terminal.output import print_value, say
from localmodel.disk import home
from localmodel.store import CodeVersion, EnvironmentVersion, ModelVersion, Store

AnyVersion = ModelVersion | EnvironmentVersion | CodeVersion

insecure_option = click.option("--insecure", is_flag=True, help="Plain HTTP. Registries on this machine need no flag.")
name_option = click.option("--name", help="Take it in under this name. Default: its own.")


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """The `KEY=VALUE` options, by key."""
    for text in texts:
        if "=" not in text:
            raise click.UsageError(f"{text!r}: write KEY=VALUE")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def numbered(reference: str) -> tuple[str, int]:
    """Name and number of `NAME:NUMBER`, for commands that must not act on the latest version by default."""
    name, _, number = reference.partition(":")
    if not number.isdecimal():
        raise click.UsageError(f"{reference}: say which version, as in {name.partition('@')[0]}:1")
    return name, int(number)


def tell(version: AnyVersion, output: str) -> None:
    """Print `NAME:NUMBER`, or the whole record if a program asks for it."""
    if output == "text":
        say(f"{version.name}:{version.version}")
    else:
        print_value(value(version), output)


def tell_all(versions: Iterable[AnyVersion], output: str) -> None:
    if output == "text":
        for version in versions:
            tell(version, output)
    else:
        print_value([value(version) for version in versions], output)


def value(version: AnyVersion) -> dict[str, Any]:
    """The version as `--output json` prints it."""
    fields = asdict(version)
    if isinstance(version, EnvironmentVersion):
        fields["spec"]["requirements"] = list(version.spec.requirements)
    return fields


def push(version: AnyVersion, reference: str, insecure: bool) -> None:
    with meter(f"pushing {version.name}:{version.version}") as progress:
        digest = Store(home.store()).push(version, reference, insecure=insecure, progress=progress)
    say(f"{reference} is {digest}")


def pull(reference: str, name: str | None, only: type[AnyVersion], insecure: bool) -> AnyVersion:
    with meter(f"pulling {reference}") as progress:
        return Store(home.store()).pull(reference, name=name, only=only, insecure=insecure, progress=progress)


def write_file(path: Path, versions: Sequence[AnyVersion]) -> None:
    with meter(f"writing {path.name}") as progress:
        Store(home.store()).export_to(path, versions, progress=progress)
    say(path)


def read_file(path: Path, name: str | None, only: type[AnyVersion]) -> Sequence[AnyVersion]:
    with meter(f"reading {path.name}") as progress:
        return Store(home.store()).import_from(path, name=name, only=only, progress=progress)

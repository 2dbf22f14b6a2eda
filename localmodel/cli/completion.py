"""lmd completion, and the names that shells complete."""

import contextlib
import subprocess
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

from localmodel import target_table

# A shell that waits longer than this for names is worse than one that knows none.
_SECONDS = 2


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes the SHELL complete commands and names.

    \b
    bash:  echo 'eval "$(lmd completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(lmd completion zsh)"' >> ~/.zshrc
    fish:  lmd completion fish > ~/.config/fish/completions/lmd.fish
    """
    completion_class = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if completion_class is None:  # click has all three
        raise click.UsageError(f"unknown shell {shell}")
    # Not source(), which looks for the shell on this machine and warns.
    complete = completion_class(root.command, {}, "lmd", "_LMD_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())


def deployments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of deployments at the target that the command line names so far."""
    with contextlib.suppress(Exception):
        return _beginning(incomplete, _deployments(context.params))
    return []


def paths(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, and names of deployments."""
    names = deployments(context, parameter, incomplete)
    return [*(CompletionItem(name) for name in names), CompletionItem(incomplete, type="file")]


def models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of registered models."""
    with contextlib.suppress(Exception):
        return _beginning(incomplete, _registered("models"))
    return []


def environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of environments in the store."""
    with contextlib.suppress(Exception):
        return _beginning(incomplete, _registered("environments"))
    return []


def _beginning(text: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(text))


def _registered(kind: str) -> list[str]:
    from localmodel.disk import home

    return [folder.name for folder in (home.store() / kind).iterdir() if folder.is_dir()]


def _deployments(given: dict[str, str | None]) -> list[str]:
    from localmodel.disk import home

    target = given.get("where") or target_table.default_name()
    if not target_table.on_cluster(target):
        # Not by way of the target, which asks every server how it is.
        folder = target_table.folders(home.home())[target]
        return [record.parent.name for record in folder.glob("*/revision.json")]
    command = ["kubectl", "get", "localmodeldeployments.localmodel.dev", f"--request-timeout={_SECONDS}s"]
    for option in ("context", "namespace"):
        command += [f"--{option}={given[option]}"] if given.get(option) else []
    command += ["-o", "jsonpath={.items[*].metadata.name}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS + 1, check=True).stdout.split()

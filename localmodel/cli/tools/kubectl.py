"""kubectl lmd: the same commands as a plugin of kubectl, with `--target kind` as the default."""

import os
import sys
from collections.abc import Sequence

from localmodel.cli.app import main

# kubectl's options may stand anywhere, ours only after their command.
_WITH_VALUE = ("-n", "--namespace", "--context")
_KUBECONFIG = "--kubeconfig"


def plugin() -> None:
    """Run `kubectl lmd`."""
    os.environ["LOCALMODEL_TARGET"] = "kind"
    arguments, kubeconfig = arranged(sys.argv[1:])
    if kubeconfig:
        os.environ["KUBECONFIG"] = kubeconfig
    main(arguments, prog_name="kubectl lmd")


def arranged(arguments: Sequence[str]) -> tuple[list[str], str]:
    """The arguments with kubectl's options moved after the command, and the value of `--kubeconfig`."""
    leading: list[str] = []
    rest: list[str] = []
    kubeconfig = ""
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
            break
        if name == _KUBECONFIG:
            kubeconfig = value if equals else (waiting.pop(0) if waiting else "")
        elif not rest and name in _WITH_VALUE:
            leading += [argument] if equals else [argument, *waiting[:1]]
            waiting = waiting if equals else waiting[1:]
        elif not rest and argument in ("-A", "--all-namespaces"):
            leading.append(argument)
        else:
            rest.append(argument)
    return [*rest[:1], *leading, *rest[1:]], kubeconfig

"""kubectl lmd: the same commands as a plugin of kubectl, for deployments in the cluster unless they say otherwise."""

import os
import sys
from collections.abc import Sequence

from localmodel.cli.app import main

# kubectl's own options stand anywhere, ours behind their command.
_WITH_VALUE = ("-n", "--namespace", "--context")
_KUBECONFIG = "--kubeconfig"


def plugin() -> None:
    """What `kubectl lmd` runs."""
    os.environ["LOCALMODEL_TARGET"] = "kind"
    arguments, kubeconfig = arranged(sys.argv[1:])
    if kubeconfig:
        os.environ["KUBECONFIG"] = kubeconfig
    main(arguments, prog_name="kubectl lmd")


def arranged(arguments: Sequence[str]) -> tuple[list[str], str]:
    """The arguments with kubectl's options behind the command, and the value of `--kubeconfig` apart."""
    leading: list[str] = []
    rest: list[str] = []
    kubeconfig = ""
    waiting = list(arguments)
    while waiting:
        one = waiting.pop(0)
        name, equals, value = one.partition("=")
        if one == "--":
            rest += [one, *waiting]
            break
        if name == _KUBECONFIG:
            kubeconfig = value if equals else (waiting.pop(0) if waiting else "")
        elif not rest and name in _WITH_VALUE:
            leading += [one] if equals else [one, *waiting[:1]]
            waiting = waiting if equals else waiting[1:]
        elif not rest and one in ("-A", "--all-namespaces"):
            leading.append(one)
        else:
            rest.append(one)
    return [*rest[:1], *leading, *rest[1:]], kubeconfig

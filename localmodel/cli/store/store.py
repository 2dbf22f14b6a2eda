"""lmd store: checks the store and frees its space."""

import click

from localmodel.cli.group import Group
from localmodel.cli.store.env_prune import PRUNED_AFTER
from localmodel.cli.terminal.meter import meter
from localmodel.cli.terminal.output import Failure, output_option, print_table, print_value, say
from localmodel.disk import home
from localmodel.disk.size import words
from localmodel.store import Store


@click.group(cls=Group)
def store() -> None:
    """Check the store, and free its space.

    It is a folder below LOCALMODEL_HOME. With LOCALMODEL_STORE=oci://HOST/PATH, all who name this repository of a
    registry share models, environments and code, and the folder keeps what was fetched.
    """


@store.command()
@output_option
def verify(output: str) -> None:
    """Check every byte of the store against its digest, and every record against what it names.

    The exit code is 1 when something is damaged.

    \b
    Examples:
      lmd store verify
      lmd store verify -o json
    """
    with meter("verifying") as progress:
        problems = list(Store(home.store()).verify(progress=progress))
    if output != "text":
        print_value([vars(problem) for problem in problems], output)
    else:
        for problem in problems:
            say(f"{problem.what}: {problem.message}")
    if problems:
        raise Failure(f"{len(problems)} problems in {home.store()}")
    if output == "text":
        say("the store is intact")


@store.command()
def gc() -> None:
    """Free the space of what nothing names any more: deleted versions, and what killed commands left.

    It waits until no other command writes. Environments are lmd env prune's; how much that would free is said.

    \b
    Examples:
      lmd store gc
      lmd store du
    """
    from localmodel.targets.machine import unpacked
    from localmodel.upkeep import usage
    from localmodel.upkeep.disk import Count

    store = Store(home.store())
    say(f"{store.collect_garbage() + unpacked.forget(store)} bytes freed")
    _, unused = Count().add(usage.unused(home.home(), PRUNED_AFTER))
    if unused:
        say(f"unused environments take {words(unused)}; lmd env prune frees them")


@store.command()
@output_option
def du(output: str) -> None:
    """Say where the bytes of lmd's folder are, and how many of them can be had back.

    A file with several links counts once. What lies in the Docker engine is not in it: docker system df.

    \b
    Examples:
      lmd store du
      lmd store du -o json
    """
    from localmodel.upkeep import usage

    areas = usage.areas(home.home(), PRUNED_AFTER)
    total = usage.Area("total", sum(area.bytes for area in areas), sum(area.reclaimable for area in areas))
    if output != "text":
        print_value({"areas": [vars(area) for area in areas], "total": vars(total)}, output)
        return
    rows = [
        [area.name, words(area.bytes), words(area.reclaimable) if area.reclaimable else "", area.command]
        for area in (*areas, total)
    ]
    print_table(["WHAT", "BYTES", "RECLAIMABLE", "BY"], rows)

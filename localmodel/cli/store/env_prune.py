"""lmd env prune: frees the space of environments that are not needed any more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from localmodel import reasons
from localmodel.cli.terminal.output import output_option, print_table, print_value, say
from localmodel.disk import home
from localmodel.disk.size import words
from localmodel.errors import UserError

if TYPE_CHECKING:
    from localmodel.upkeep.environments import Kept
    from localmodel.upkeep.images import Images

PRUNED_AFTER = 24 * 3600.0  # seconds without use
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


class _Age(click.ParamType[float]):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d{1,9})\s*(s|m|min|h|d)?", str(value))
        if not match or not (match[2] or int(match[1]) == 0):
            self.fail(f"{value!r} is not a time span; write 30min, 24h or 7d", param, ctx)
        return float(int(match[1]) * _UNITS[match[2] or "s"])


@click.command()
@click.option(
    "--older-than",
    type=_Age(),
    default="24h",
    show_default=True,
    metavar="AGE",
    help="Without use for so long.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@output_option
def prune(older_than: float, dry_run: bool, output: str) -> None:
    """Remove installed environments that no deployment needs and nobody has used for a while.

    These are virtual environments, and images in the Docker engine. They are installed again when they are next
    needed; what lmd env list lists stays. An environment stays while a deployment of any target needs it, one of its
    kept revisions included, and while a command works with it.

    \b
    Examples:
      lmd env prune --dry-run
      lmd env prune
    """
    from localmodel.upkeep.images import images

    pruning = _Pruning(older_than)
    pruning.environments(dry_run)
    try:
        with images(home.home()) as images_here:
            if images_here:
                pruning.images(images_here, dry_run)
    except UserError as error:
        if error.reason not in (reasons.DOCKER_PACKAGE_MISSING, reasons.ENGINE_UNREACHABLE, reasons.ENGINE_FORBIDDEN):
            raise
        say(f"images in the Docker engine are left alone: {error}", err=True)
    pruning.tell(dry_run, output)


class _Pruning:
    """The environments and images that were looked at, and what was done with each."""

    def __init__(self, older_than: float) -> None:
        self._older_than = older_than
        self._rows: list[dict[str, Any]] = []
        self._freed = 0

    def environments(self, dry_run: bool) -> None:
        from localmodel.upkeep import environments
        from localmodel.upkeep.disk import Count

        folder, count = home.home(), Count()
        for environment in environments.look(folder, self._older_than):
            taken, freed = count.add([folder / "environments" / environment.key]) if environment.goes else (0, 0)
            gone = environment.goes and (dry_run or environments.remove(folder, environment.key, self._older_than))
            self._add(environment, gone, taken, freed)
        self._freed += count.add(environments.leftovers(folder))[1]
        if not dry_run:
            environments.clear(folder)

    def images(self, images: Images, dry_run: bool) -> None:
        sizes: Mapping[str, int] = images.sizes()
        for image in images.look(set(sizes), self._older_than):
            gone = image.goes and (dry_run or images.remove(image.key, self._older_than))
            self._add(image, gone, sizes[image.key], 0)

    def _add(self, item: Kept, gone: bool, taken: int, freed: int) -> None:
        why = item.why or ("" if gone else "in use now")
        self._rows.append({**asdict(item), "why": why, "removed": gone, "bytes": taken})
        self._freed += freed if gone else 0

    def tell(self, dry_run: bool, output: str) -> None:
        if output != "text":
            print_value({"environments": self._rows, "freed": self._freed, "dryRun": dry_run}, output)
            return
        verb = "would be removed" if dry_run else "removed"
        rows = [
            [row["key"], row["kind"], words(row["bytes"]) if row["removed"] else "", row["why"] or verb]
            for row in self._rows
        ]
        if rows:
            print_table(["ENVIRONMENT", "KIND", "BYTES", "STATUS"], rows)
        gone = sum(row["removed"] for row in self._rows)
        say(f"{gone} {verb}, {words(self._freed)} {'would be ' if dry_run else ''}freed on this disk")
        if images := sum(row["bytes"] for row in self._rows if row["removed"] and row["kind"] == "image"):
            say(f"The engine's images have {words(images)}, with what they share with others.")
        if any(row["bytes"] for row in self._rows if row["kind"] == "venv"):
            say("Files that other environments or uv's cache have too are freed with those (uv cache prune).")

"""Puts the layers of packages in an order, and finds the files that several of them have."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from localmodel.environments.layers import records
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout


def ordered(wanted: Iterable[Blob], before: Iterable[Sequence[str]]) -> list[Blob]:
    """The layers from the lowest to the topmost.

    They begin as the earlier stack (digests) does that begins with most bytes of them, so that whoever has it needs
    only the rest, which follows by size, largest first.
    """
    blobs = {blob.digest: blob for blob in wanted}
    starts = [list(takewhile(blobs.__contains__, stack)) for stack in before]
    start = max(starts, key=lambda stack: sum(blobs[digest].size for digest in stack), default=[])
    rest = sorted(blobs.keys() - set(start), key=lambda digest: (-blobs[digest].size, digest))
    return [blobs[digest] for digest in (*start, *rest)]


def shared(layout: Layout, packages: Mapping[str, Blob], say: Callable[[str], None]) -> Blob:
    """The topmost layer: files that several packages have, as the last one in the lock's order has them.

    pip installs the packages in this order.
    """
    owners: dict[str, list[str]] = defaultdict(list)
    for name, blob in packages.items():
        for path in records.names(layout, blob):
            owners[path].append(name)
    several: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path, of_file in owners.items():
        if len(of_file) > 1:
            several[tuple(of_file)].add(path)
    for names, paths in several.items():
        count = "a file" if len(paths) == 1 else f"{len(paths)} files"
        say(f"{', '.join(names)}: each has {count} (/{min(paths)}); what {names[-1]} has is used")
    with layers.opened(layout.path(packages[names[-1]].digest) for names in several) as archives:
        winners = [
            entry
            for archive, paths in zip(archives, several.values(), strict=True)
            for entry in layers.entries_in(archive)
            if entry.path in paths
        ]
        return layout.write(layers.tar(winners))

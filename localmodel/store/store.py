"""The store: a folder with the blobs of everything, and the records that name them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from localmodel.layout import Layout
from localmodel.store import check
from localmodel.store.check import Problem
from localmodel.store.code import Code
from localmodel.store.environments import Environments
from localmodel.store.models import Models


class Store:
    """Models, environments and code below a folder, which is created when it is first written to.

    Processes may share it: what is visible is whole, whoever writes or is killed meanwhile.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root)
        self.models = Models(self.layout)
        self.environments = Environments(self.layout)
        self.code = Code(self.layout)
        self._registries = (self.models.records, self.environments.records, self.code.records)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Problem]:
        """What is not as it was written: every blob is hashed, every record's blobs are looked up.

        `progress` is told bytes done and bytes in all.

        Raises:
            UserError: StoreMissing, RecordDamaged.
        """
        self.models.records.require()
        return check.verify(self.layout, self._registries, progress)

    def collect_garbage(self) -> int:
        """Remove what nothing names: contents of deleted versions, leftovers of killed writers. Returns bytes freed.

        Safe beside processes that write: they wait for one another.

        Raises:
            UserError: RecordDamaged, StoreDamaged; nothing is removed then.
        """
        return check.collect_garbage(self.layout, self._registries)

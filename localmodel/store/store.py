"""The store: a folder with the blobs of everything, and the records that name them."""

from pathlib import Path

from localmodel.layout import Layout
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

"""Models and environments."""

import os
from dataclasses import dataclass
from typing import Any

from localmodel.azure.ai.ml.entities._entity import Entity, absolute


@dataclass(kw_only=True, repr=False)
class Model(Entity):
    """A file or folder with a model, registered or not. `id` is None until it comes from the store."""

    name: str | None = None
    version: str | None = None
    type: str | None = None
    path: str | os.PathLike[str] | None = None
    utc_time_created: str | None = None
    flavors: dict[str, dict[str, Any]] | None = None
    description: str | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    stage: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        self.path = absolute(self.path)
        self.tags, self.properties = self.tags or {}, self.properties or {}


@dataclass(kw_only=True, repr=False)
class BuildContext(Entity):
    """The folder of a Dockerfile; other files in it are not used."""

    dockerfile_path: str | None = None
    path: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        self.path = absolute(self.path)


@dataclass(kw_only=True, repr=False)
class Environment(Entity):
    """Packages and image, registered or not. `id` is None until it comes from the store.

    `conda_file` is a path, or the file's content as a dict.
    """

    name: str | None = None
    version: str | None = None
    description: str | None = None
    image: str | None = None
    build: BuildContext | None = None
    conda_file: str | os.PathLike[str] | dict[str, Any] | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    datastore: str | None = None
    inference_config: dict[str, Any] | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.conda_file, dict):
            self.conda_file = absolute(self.conda_file)
        self.tags, self.properties = self.tags or {}, self.properties or {}

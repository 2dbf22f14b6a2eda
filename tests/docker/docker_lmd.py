"""lmd with --target docker, and a look at what the engine has of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.lmd_command import Lmd, Result

PYTHON = "3.11"  # of the base image that hack/engine-up makes where none can be pulled


class DockerLmd(Lmd):
    def __init__(self, folder: Path, home: Path, engine: Any) -> None:
        super().__init__(folder)
        self.home = home
        self.engine = engine

    def __call__(self, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str = "") -> Result:
        # What nothing uses is removed at once.
        always = {"LOCALMODEL_TARGET": "docker", "LOCALMODEL_KEEP_ENVIRONMENTS": "0"}
        return super().__call__(*arguments, env={**always, **(env or {})}, stdin=stdin)

    def manifest(self, code: str | Mapping[str, str], name: str = "digits", **spec: Any) -> Path:
        environment = {"python": PYTHON, **spec.pop("environment", {})}
        return super().manifest(code, name, environment=environment, **spec)

    def state(self, name: str = "digits") -> Path:
        return self.home / "containers" / name

    def container(self, name: str = "digits") -> Any:
        """The deployment's container, by what is recorded of it."""
        record = json.loads((self.state(name) / "server.json").read_text())
        return self.engine.containers.get(record["id"])

    def containers(self, name: str = "digits") -> list[str]:
        """Ids of every container of a deployment of this name and this home."""
        labels = [f"localmodel.dev/deployment={name}", f"localmodel.dev/store={self.store_id}"]
        return [found["Id"] for found in self.engine.api.containers(all=True, filters={"label": labels})]

    def images(self) -> list[str]:
        """Keys of the environment images of this home."""
        found = self.engine.images.list(filters={"label": f"localmodel.dev/store={self.store_id}"})
        return [tag.rpartition(":")[2] for image in found for tag in image.tags]

    @property
    def store_id(self) -> str:
        return (self.home / "store" / "id").read_text()

    def clean_up(self, but: str = "") -> None:
        for applied in (self.home / "containers").glob("*/applied.json"):
            if applied.parent.name != but:
                result = self("delete", applied.parent.name)
                assert result.code == 0, result.err

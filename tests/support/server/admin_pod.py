"""A scoring server as it runs in a pod, with the operator's end of its admin port."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support.server.admin_client import AdminClient, AdminReply, bundle, content_of
from support.server.scoring_server_process import ScoringServer, eventually, write_script

ANSWERS = "def init(): pass\ndef run(data):\n    return {name!r}\n"
POD_UID = "0f6c1d2e"
OWNER = "team/digits/8f5c"


class Pod:
    """Containers of one pod, one after the other, with the same state folder and the same ConfigMap.

    The image's revision is "1", called image, under epoch 1.
    """

    def __init__(self, folder: Path, script: str | None = None, **variables: str) -> None:
        self.folder = folder
        self.state_folder = folder / "state"
        self.wanted_folder = folder / "wanted"
        self.wanted_folder.mkdir(parents=True)
        self._key = Ed25519PrivateKey.generate()
        self.admin = AdminClient(0, POD_UID, self._key)
        self.image = content_of("image")
        self.variables = {
            **write_script(folder / "image", script or ANSWERS.format(name="image")),
            "LOCALMODEL_REVISION": "1",
            "LOCALMODEL_EPOCH": "1",
            "LOCALMODEL_CONTENT": self.image,
            "LOCALMODEL_ENVIRONMENT": "env",
            "LOCALMODEL_ADMIN_PORT": "0",
            "LOCALMODEL_ADMIN_KEY": self.admin.public_key,
            "LOCALMODEL_POD_UID": POD_UID,
            "LOCALMODEL_OWNER": OWNER,
            "LOCALMODEL_STATE_FOLDER": str(self.state_folder),
            "LOCALMODEL_WANTED_FOLDER": str(self.wanted_folder),
            **variables,
        }

    def container(self, **variables: str) -> ScoringServer:
        """Start a container, and wait until its ports are open."""
        server = ScoringServer(self.folder, {**self.variables, **variables})
        server.wait_until_listening()
        eventually(lambda: "the operator calls at" in server.log, server)
        found = re.search(r"the operator calls at 127\.0\.0\.1 port (\d+)", server.log)
        assert found is not None
        self.admin = AdminClient(int(found[1]), POD_UID, self._key)
        return server

    def bundle(self, name: str, script: str | None = None, **others: Any) -> bytes:
        """A bundle of a revision whose answers are its name; the content is content_of(name)."""
        files = others.pop("files", {})
        gate = {"gate": others.pop("gate")} if "gate" in others else {}
        description = {"content": content_of(name), "revision": name, **others}
        return bundle(description, {"code/score.py": script or ANSWERS.format(name=name), **files}, **gate)

    def prepare(self, epoch: int, name: str, script: str | None = None, **others: Any) -> AdminReply:
        """Send a revision's bundle."""
        return self.admin.call("prepare", epoch, content_of(name), self.bundle(name, script, **others))

    def commit(self, epoch: int, name: str) -> AdminReply:
        """Have a prepared revision serve."""
        return self.admin.call("commit", epoch, content_of(name))

    def swap(self, epoch: int, name: str, script: str | None = None, **others: Any) -> None:
        """Prepare and commit."""
        reply = self.prepare(epoch, name, script, **others)
        assert reply.status == 200, reply
        reply = self.commit(epoch, name)
        assert reply.status == 200, reply

    def want(
        self,
        epoch: int,
        name: str,
        committed: bool,
        with_bundle: bytes | None = None,
        gate: Sequence[Any] | None = None,
        **others: Any,
    ) -> None:
        """Write the ConfigMap as the pod has it mounted, signed by the operator."""
        told = {"epoch": epoch, "revision": epoch, "content": content_of(name), "committed": committed, **others}
        text = b"" if gate is None else json.dumps(gate).encode()
        self.mount(self.admin.decision(OWNER, told, text, with_bundle or b""))

    def mount(self, files: Mapping[str, bytes]) -> None:
        """Have these files in the wanted folder; an empty one is none."""
        for name in ("wanted.json", "wanted.sig", "bundle.tar", "gate.json"):
            path = self.wanted_folder / name
            path.unlink(missing_ok=True)
            if content := files.get(name):
                path.write_bytes(content)

    @property
    def accepted(self) -> Mapping[str, Any]:
        """accepted.json."""
        return dict(json.loads((self.state_folder / "accepted.json").read_text()))

    @property
    def left_over(self) -> list[str]:
        """What lies in incoming/."""
        with suppress(FileNotFoundError):
            return sorted(path.name for path in (self.state_folder / "incoming").iterdir())
        return []

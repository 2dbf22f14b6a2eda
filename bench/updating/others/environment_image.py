"""Loads our environment from the store into the engine, as the base image of the other ways' Dockerfiles."""

import io
import json
import subprocess
import tarfile
from typing import IO, Any

from localmodel.disk import home
from updating.site import Site


def load(site: Site, deployment: str, tag: str) -> None:
    """Load the environment of our deployment with `docker load`, under the tag."""
    images = home.store() / "images"
    revisions = site.get("controllerrevisions", "-l", f"localmodel.dev/deployment={deployment}")["items"]
    latest = max(revisions, key=lambda revision: int(revision["revision"]))
    record = json.loads((images / "environments" / f"{latest['data']['environment']}.json").read_bytes())
    digests = [layer["digest"] for layer in record["layers"]]
    config = {
        "architecture": record["architecture"],
        "os": record["os"],
        "config": {"Env": record["variables"]},
        "rootfs": {"type": "layers", "diff_ids": digests},
    }
    names = [f"{digest.partition(':')[2]}/layer.tar" for digest in digests]
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": names}]
    with subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin
        with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
            _add(archive, "config.json", config)
            _add(archive, "manifest.json", manifest)
            for digest, name in zip(digests, names, strict=True):
                archive.add(images / "blobs" / digest.replace(":", "/"), name)
    if process.returncode != 0:
        raise SystemExit("docker load did not take the environment image")


def config_of(reference: str) -> Any:
    """The configuration of our image in the store: variables, user, entry point."""

    def blob(digest: str) -> Any:
        return json.loads((home.store() / "images" / "blobs" / digest.replace(":", "/")).read_bytes())

    return blob(blob(reference.partition("@")[2])["config"]["digest"])["config"]


def _add(archive: tarfile.TarFile, name: str, value: Any) -> None:
    content = json.dumps(value).encode()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    file: IO[bytes] = io.BytesIO(content)
    archive.addfile(info, file)

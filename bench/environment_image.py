"""Our environment as an image of the engine, from the layers in the store: where the usual way's Dockerfile starts."""

import io
import json
import subprocess
import tarfile
from typing import IO, Any

import ours
from kind_site import Site

from localmodel import home


def load(site: Site, tag: str) -> None:
    """`docker load` the environment that ours runs on, under the tag."""
    images = home.store() / "images"
    (revision,) = site.get("controllerrevisions", "-l", f"localmodel.dev/deployment={ours.NAME}")["items"]
    record = json.loads((images / "environments" / f"{revision['data']['environment']}.json").read_bytes())
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


def _add(archive: tarfile.TarFile, name: str, value: Any) -> None:
    content = json.dumps(value).encode()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    file: IO[bytes] = io.BytesIO(content)
    archive.addfile(info, file)

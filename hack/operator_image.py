#!/usr/bin/env python3
"""Makes the operator's image of this checkout from wheels, without a container engine, and pushes it to a registry.

    .venv/bin/python hack/operator_image.py registry.example.com/team/operator:dev

The base image is read from its registry, or from an engine that has it. http:// before the name means a registry
without TLS.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path
from threading import Event

from packaging.requirements import Requirement

from localmodel.disk import home
from localmodel.engine import bases
from localmodel.engine.bases import Base, Origin
from localmodel.engine.client import Connection
from localmodel.environments.layers import base_python, bytecode, packages
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.uv import run_uv
from localmodel.environments.venvs import reuse
from localmodel.errors import UserError
from localmodel.oci import layers, upload
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.registry import Repository
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import store_id
from localmodel.updates import image
from localmodel.updates.image import Image

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"
EXTRAS = ("", "operator")


def say(line: str) -> None:
    print(line, file=sys.stderr)


def requirements() -> tuple[str, ...]:
    """What the operator needs on Linux, beside localmodel itself."""
    wanted = [Requirement(line) for line in requires("localmodel") or ()]
    place = {"python_version": PYTHON, "sys_platform": "linux"}
    return tuple(
        f"{each.name}{'[' + ','.join(sorted(each.extras)) + ']' if each.extras else ''}{each.specifier}"
        for each in wanted
        if each.name != "localmodel"
        and (each.marker is None or any(each.marker.evaluate({**place, "extra": extra}) for extra in EXTRAS))
    )


def wheel(folder: str) -> Path:
    """The wheel of this checkout, built in the folder."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, stdout=sys.stderr)
    (path,) = Path(folder).glob("*.whl")
    return path


async def own_layer(layout: Layout, interpreter: str | None) -> Blob:
    """The layer with localmodel as this checkout has it."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "environment")
        venv = ["venv", "--quiet", "--relocatable", "--no-project", "--python", sys.executable, str(tree)]
        install = ["pip", "install", "--quiet", "--no-deps", "--python", str(tree / "bin" / "python")]
        for arguments in (venv, [*install, str(wheel(folder))]):
            code, _, err = await run_uv(arguments)
            if code != 0:
                sys.exit(f"error: uv {arguments[0]}: {err}")
        site = reuse.site_packages(tree)
        site.parent.rename(site.parent.with_name(f"python{PYTHON}"))
        return layout.write(layers.tar(await packages.entries_of(tree, packages.PLACE, interpreter)))


async def compose(base: Base, architecture: str, layout: Layout) -> Image:
    """The operator's image on the base image."""
    spec, kind = EnvironmentSpec(PYTHON, requirements()), Kind(PYTHON, architecture)
    lock = await locks.resolve(spec, locks.PLATFORMS[architecture], home.store() / "locks")
    blobs = await packages.of_lock(lock, kind, layout, say)
    own = await own_layer(layout, await bytecode.interpreter(PYTHON, say))
    links = base_python.links(base.python, layout, sees_packages=False)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": [*base.image.variables, "LOCALMODEL_HOME=/var/lib/localmodel"],
            "Entrypoint": [f"{packages.PLACE}/bin/lmd", "operator", "run"],
            "User": image.USER,
        },
    }
    return image.packed(layout, config, [*base.image.layers, links, *blobs.values(), own])


def push(layout: Layout, made: Image, name: str) -> None:
    with Repository(name.removeprefix("http://"), name.startswith("http://")) as repository:
        size = upload.push(layout, (*made.layers, made.config), made.manifest.digest, repository)
        say(f"sent {size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="[http://]HOST/REPOSITORY:TAG")
    parser.add_argument("--architecture", choices=sorted(locks.PLATFORMS), default="amd64", help="of the nodes")
    arguments = parser.parse_args()
    layout = Layout(home.store() / "images")
    try:
        spec, origin = EnvironmentSpec(PYTHON), Origin(arguments.architecture)
        own_id = store_id.of(home.store())
        base = bases.find(Connection(), spec, own_id, layout, origin, say, Event())
        made = asyncio.run(compose(base, arguments.architecture, layout))
        push(layout, made, arguments.name)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"{arguments.name.removeprefix('http://').rpartition(':')[0]}@{made.manifest.digest}")


if __name__ == "__main__":
    main()

"""Finds the Python of a base image by its files, and links an environment to it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from localmodel.disk import state_file
from localmodel.environments.layers import packages, records, server
from localmodel.oci import layers
from localmodel.oci.layers import Entry, Link
from localmodel.oci.layout import Blob, Layout
from localmodel_untrusted import json_text

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAMED = re.compile(r"(?P<folder>/.*)/python(?P<version>\d+\.\d+)")


@dataclass(frozen=True)
class BasePython:
    """The `python3` of a base image: its real path, its version, and its packages if it is a virtual environment."""

    path: str
    version: str
    packages: str = ""


def find(variables: tuple[str, ...], real: Callable[[str], str | None]) -> BasePython | None:
    """The first `python3` on the PATH of the image's variables, or None if there is none, or its version is unknown.

    `real` returns the path that a path of the image leads to, or None if there is nothing.
    """
    path = next((text.removeprefix("PATH=") for text in variables if text.startswith("PATH=")), _USUAL_PATH)
    for folder in filter(lambda folder: folder.startswith("/"), path.split(":")):
        if place := real(f"{folder}/python3"):
            match = _NAMED.fullmatch(place)
            prefix = folder.rstrip("/").rpartition("/")[0]
            if match is None:
                return None
            is_virtual = real(f"{prefix}/pyvenv.cfg") is not None
            return BasePython(
                place, match["version"], f"{prefix}/lib/python{match['version']}/site-packages" if is_virtual else ""
            )
    return None


# Prints the same where the files do not tell: in a container of the image, for its `python3`.
QUESTION = """
import json, os, sys, sysconfig
is_virtual = sys.prefix != sys.base_prefix
print(json.dumps({
    "path": os.path.realpath(sys.executable),
    "version": "%d.%d" % sys.version_info[:2],
    "packages": sysconfig.get_path("purelib") if is_virtual else "",
}))
"""


def told(output: bytes) -> BasePython | None:
    """The answer to the question, or None if it is none."""
    try:
        python = state_file.typed(json_text.parse(output), BasePython)
    except ValueError:
        return None
    return python if python.path.startswith("/") and "\n" not in python.path + python.version else None


def links(python: BasePython, layout: Layout, *, sees_packages: bool) -> Blob:
    """The layer that makes virtual environments of the folders of packages; those of the base image may be seen."""
    content = (python.path, python.version, python.packages, sees_packages)
    if blob := records.find(layout, "links", *content):
        return blob
    entries = _environment(packages.PLACE, python, sees_packages) + _environment(server.PLACE, python, False)
    if sees_packages and python.packages:
        code = f"import site; site.addsitedir({python.packages!r})\n"
        site = f"{packages.PLACE}/lib/python{python.version}/site-packages".lstrip("/")
        entries.append(Entry(f"{site}/base_image.pth", code.encode()))
    blob = layout.write(layers.tar(entries))
    records.keep(layout, blob, "links", *content)
    return blob


def _environment(place: str, python: BasePython, sees_packages: bool) -> list[Entry]:
    inside, home = place.lstrip("/"), python.path.rpartition("/")[0]
    configuration = (
        f"home = {home}\nimplementation = CPython\nversion_info = {python.version}\n"
        f"include-system-site-packages = {str(sees_packages).lower()}\n"
    )
    return [
        Entry(f"{inside}/pyvenv.cfg", configuration.encode()),
        Entry(f"{inside}/bin/python", Link(python.path)),
        Entry(f"{inside}/bin/python3", Link("python")),
        Entry(f"{inside}/bin/python{python.version}", Link("python")),
        Entry(f"{inside}/lib64", Link("lib")),
    ]

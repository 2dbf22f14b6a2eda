"""Brings a virtual environment to wanted packages, and compiles the modules that are new in it; no others.

    python3 install.py ENVIRONMENT LOCK [--tools FOLDER] [--remove NAMES] [--layer FILE]

LOCK holds the packages to install, NAMES the names of those to remove, each if the file is not empty. FOLDER has
bin/uv. FILE becomes a layer (a tar as in the OCI image specification) of all that has changed in the environment.
Runs in the image, with any Python from 3.9 on, as root.
"""

from __future__ import annotations

import argparse
import compileall
import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILD = Path(__file__).parent
UV = {"UV_NO_CACHE": "1", "UV_LINK_MODE": "copy", "UV_PYTHON_DOWNLOADS": "never"}

_COMPILED = re.compile(r"(?P<folder>.*/)__pycache__/(?P<module>[^/]+)\.cpython-\d+(\.opt-\w+)?\.pyc")

# path -> what lstat() says that any change would change
Tree = dict[str, tuple[int, ...]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("environment", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--tools", type=Path, default=BUILD / "tools")
    parser.add_argument("--remove", type=Path)
    parser.add_argument("--layer", type=Path)
    options = parser.parse_args()
    before = tree(options.environment)
    if options.remove and options.remove.read_text().strip():
        uv(options, "uninstall", "-r", str(options.remove))
    if options.lock.read_text().strip():
        # never from source: what is locked was resolved from wheels, and a build would run before anybody looks
        uv(options, "install", "--no-deps", "--require-hashes", "--no-build", "-r", str(options.lock))
    (options.environment / ".lock").unlink(missing_ok=True)  # the installer's, for as long as it runs
    check_shared(options.environment, before)
    compile_new(options.environment, before)
    if options.layer:
        after = tree(options.environment)
        pack(options.layer, before, after)
        gone = (status for path, status in before.items() if after.get(path) != status)
        print(json.dumps({"dead": size(gone), "live": size(after.values())}))


def uv(options: argparse.Namespace, command: str, *arguments: str) -> None:
    variables = {**os.environ, **UV, "UV_CONFIG_FILE": str(BUILD / "uv.toml"), **given()}
    if (BUILD / "ca.pem").stat().st_size:
        variables["SSL_CERT_FILE"] = str(BUILD / "ca.pem")
    program = [str(options.tools / "bin" / "uv"), "pip", command]
    command_line = [*program, "--python", str(options.environment / "bin" / "python"), *arguments]
    done = subprocess.run(command_line, env=variables, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def given() -> dict[str, str]:
    """Variables for the installer that are no part of the image (proxies)."""
    path = BUILD / "variables.json"
    variables: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return variables


def tree(folder: Path) -> Tree:
    """Everything in the folder, and itself."""
    statuses = {str(folder): describe(folder.lstat())}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            statuses[f"{root}/{name}"] = describe(Path(root, name).lstat())
    return statuses


def describe(status: os.stat_result) -> tuple[int, ...]:
    if stat.S_ISDIR(status.st_mode):
        return (status.st_mode, 0)
    return (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def size(statuses: Iterable[tuple[int, ...]]) -> int:
    return sum(status[1] for status in statuses)


def check_shared(environment: Path, before: Tree) -> None:
    """End if a file is gone that a package lists which is there: one that was removed had it, too."""
    for record in environment.glob("lib/python3.*/site-packages/*.dist-info/RECORD"):
        with record.open(newline="") as rows:
            listed = {os.path.normpath(f"{record.parents[1]}/{row[0]}") for row in csv.reader(rows)}
        for path in listed & before.keys():
            if "__pycache__" not in path and not os.path.lexists(path):
                sys.exit(f"{record.parent.name} shares {path} with a package that was removed")


def compile_new(environment: Path, before: Tree) -> None:
    """Compile modules that are new or others now, and remove what was compiled of those that are gone.

    What is compiled is never compared with its module again: a layer on a node may have any times. So what the
    installer has left of it is never right.
    """
    after = tree(environment)
    compiled = {path: module_of(path) for path in after if "/__pycache__/" in path}
    for path, module in compiled.items():
        if module and after.get(module) != before.get(module):
            Path(path).unlink()
    for path in after:
        if path.endswith("/__pycache__") and not any(Path(path).iterdir()):
            Path(path).rmdir()
    have = {module for path, module in compiled.items() if os.path.lexists(path)}
    # others (bin/activate_this.py) are run, not imported
    modules = [path for path in after if path.endswith(".py") and "/site-packages/" in path and path not in have]
    with ProcessPoolExecutor() as pool:
        list(pool.map(compile_one, modules, chunksize=16))


def module_of(compiled: str) -> str:
    """Path of the module that a file in __pycache__ was compiled of; "" for any other file."""
    match = _COMPILED.fullmatch(compiled)
    return match["folder"] + match["module"] + ".py" if match else ""


def compile_one(module: str) -> None:
    """Some are templates, or for another Python: they cannot be compiled, and are imported by nobody."""
    compileall.compile_file(module, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def pack(layer: Path, before: Tree, after: Tree) -> None:
    changed = {path for path, status in after.items() if before.get(path) != status}
    gone = {path for path in before if path not in after and path.rpartition("/")[0] in after}
    marks = {path: "{0}/.wh.{2}".format(*path.rpartition("/")) for path in gone}
    named = {marks.get(path, path).lstrip("/"): path for path in changed | gone | parents(changed | gone)}
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(named.items()):
            if path in gone:
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
            else:
                archive.add(path, name, recursive=False, filter=reproducible)


def parents(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in Path(path).parents if parent != Path("/")}


def reproducible(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = 0
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


if __name__ == "__main__":
    main()

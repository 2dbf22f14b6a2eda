"""The layer with the scoring server, in a virtual environment of its own."""

import asyncio
import shutil

from localmodel import data, digests
from localmodel.environments.layers import bytecode, packages, records
from localmodel.environments.layers.packages import Kind, Say
from localmodel.oci import layers
from localmodel.oci.layers import Entry
from localmodel.oci.layout import Blob, Layout

PLACE = "/opt/localmodel/venv"
_HOME = "/opt/localmodel"


def digest() -> str:
    """Digest of what the layer is made of, whatever the Python."""
    return digests.of_json([records.FORMAT, _lock(), digests.of_files(data.server_files())])


def _lock() -> str:
    return (data.path("scoring-image") / "requirements.txt").read_text()


async def layer(kind: Kind, layout: Layout, say: Say) -> Blob:
    """The server's packages and modules, made once for each release.

    Raises:
        UserError: the errors of `packages.of_lock()`.
    """
    lock, files = _lock(), data.server_files()
    content = (PLACE, kind.python, kind.architecture, lock, digests.of_files(files))
    if blob := records.find(layout, *content, True):
        return blob
    interpreter = await bytecode.interpreter(kind.python, say)
    if interpreter is None and (blob := records.find(layout, *content, False)):
        return blob
    async with packages.installed(lock, kind, say) as tree:
        entries = await packages.entries_of(tree, PLACE, interpreter)
        home = tree.with_name("home")
        for name, path in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, home / name)
        made = await bytecode.compiled(interpreter, home, files, _HOME) if interpreter else []
        entries += [Entry(f"{_HOME}/{file}".lstrip("/"), home / file) for file in (*files, *made)]
        site = f"{PLACE}/lib/python{kind.python}/site-packages".lstrip("/")
        entries.append(Entry(f"{site}/localmodel.pth", f"{_HOME}\n".encode()))
        blob = await asyncio.to_thread(layout.write, layers.tar(entries))
    records.keep(layout, blob, *content, interpreter is not None)
    say(f"the scoring server: a layer of {blob.size / 1e6:.1f} MB")
    return blob

"""Checks the home folder, its disk, and the store in it."""

import os
import tempfile

from localmodel.disk import files, home
from localmodel.doctor.finding import Finding, size
from localmodel.errors import UserError
from localmodel.store import Store

LITTLE_SPACE = 5 << 30
_FEW = 3
_ROOM = "free some space (lmd store gc), or name another folder with LOCALMODEL_HOME"
_WRITABLE = "name a writable folder with LOCALMODEL_HOME"


def _home() -> list[Finding]:
    try:
        folder = home.home()
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        with tempfile.NamedTemporaryFile(dir=existing) as file:
            file.write(b"x")
            file.flush()
            free = files.free(existing)
    except (OSError, UserError) as error:
        message = f"{folder}: {error.strerror}" if isinstance(error, OSError) else str(error)
        fix = _ROOM if isinstance(error, OSError) and error.errno in files.FULL else _WRITABLE
        return [Finding("fail", "folder", message, fix)]
    text = f"{folder}, {size(free)} free"
    if free < LITTLE_SPACE:
        return [Finding("warn", "folder", text, _ROOM)]
    return [Finding("ok", "folder", text)]


def _store() -> list[Finding]:
    """Check that records can be read and their content exists; `lmd store verify` also hashes everything."""
    folder = home.store()
    if not folder.is_dir():
        return [Finding("ok", "store", f"{folder} is not there yet; the first lmd model register makes it")]
    store, unreadable = Store(folder), list[UserError]()
    models, environments, _ = (records.list(skip=unreadable.append) for records in store.own_records())
    if unreadable:
        text = "; ".join(map(str, unreadable[:_FEW]))
        return [Finding("fail", "store", text, "lmd store verify looks at everything in it")]
    missing = [f"{model.name}:{model.version}" for model in models if not store.layout.has(model.weights)]
    if missing:
        names = ", ".join(missing[:_FEW]) + (f" and {len(missing) - _FEW} more" if len(missing) > _FEW else "")
        fix = "register, pull or import them again; lmd store verify looks at everything"
        return [Finding("fail", "store", f"the content of {names} is missing from {folder}", fix)]
    found = f"{_counted(len(models), 'model')} and {_counted(len(environments), 'environment')}, readable"
    return [Finding("ok", "store", found)]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _shared_store() -> list[Finding]:
    if not (place := home.shared_store()):
        return []
    from localmodel.oci.registry import Repository  # its HTTP client takes longer to import than everything else

    try:
        with Repository(f"{place}:any", False) as repository:
            repository.tags()
    except UserError as error:
        fix = "mend that, or unset LOCALMODEL_STORE to have the store of this machine"
        return [Finding("fail", "shared store", str(error), fix)]
    return [Finding("ok", "shared store", f"oci://{place} answers")]


LOOKS = (_home, _store, _shared_store)

"""What is kept on this machine: the folder, its disk, and the store in it."""

import shutil
import tempfile

from localmodel import home
from localmodel.doctor.finding import Finding, size
from localmodel.errors import UserError
from localmodel.store import Store

LITTLE_SPACE = 5 << 30
_FEW = 3


def _home() -> list[Finding]:
    folder = home.home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return [Finding("fail", "folder", f"{folder}: {error.strerror}", "name a writable folder with LOCALMODEL_HOME")]
    found = f"{folder}, {size(free)} free"
    if free < LITTLE_SPACE:
        fix = "free some space (lmd store gc), or name another folder with LOCALMODEL_HOME"
        return [Finding("warn", "folder", found, fix)]
    return [Finding("ok", "folder", found)]


def _store() -> list[Finding]:
    """Only whether records can be read and their content is there: hashing it all is lmd store verify's."""
    folder = home.store()
    if not folder.is_dir():
        return [Finding("ok", "store", f"{folder} is not there yet; the first lmd model register makes it")]
    store = Store(folder)
    try:
        models, environments = store.models.list(), store.environments.list()
        missing = [f"{model.name}:{model.version}" for model in models if not store.layout.has(model.weights)]
    except (UserError, OSError) as error:
        return [Finding("fail", "store", str(error), "lmd store verify looks at everything in it")]
    if missing:
        names = ", ".join(missing[:_FEW]) + (f" and {len(missing) - _FEW} more" if len(missing) > _FEW else "")
        fix = "register, pull or import them again; lmd store verify looks at everything"
        return [Finding("fail", "store", f"the content of {names} is missing from {folder}", fix)]
    return [Finding("ok", "store", f"{len(models)} models and {len(environments)} environments, readable")]


LOOKS = (_home, _store)

"""A first worker is forked, too, from a parent that has imported what its script and its pickles name."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import venv
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.server.scoring_server_process import write_script

from localmodel_server.configuration.settings import read_settings
from localmodel_server.workers import forked_worker
from localmodel_server.workers.likely_imports import likely_imports
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.warm_parent import WarmParents
from localmodel_server.workers.worker_process import LoadError

SCRIPT = "{code}\ndef init():\n    {init}\ndef run(data):\n    return 1\n"
COUNTED = "import os\nwith open({file!r}, 'a') as file:\n    file.write('imported')\n"
PARENT = "open('/proc/self/comm').read() == 'localmodel-warm\\n'"
FORKED = "('--warm' in open('/proc/self/cmdline').read())"


def pickle_of(module: str) -> bytes:
    """What pickle writes for a Square of the module, which this process cannot import."""
    name = bytes([len(module)]) + module.encode()
    return b"\x80\x04\x8c" + name + b"\x94\x8c\x06Square\x94\x93\x94)\x81\x94."


class Given:
    """A folder for a script and its models, and a Python with packages of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = folder / "app"
        self.models = folder / "models"
        self.models.mkdir()
        venv.create(folder / "venv", symlinks=True)
        (self.packages,) = (folder / "venv").glob("lib/python*/site-packages")
        self.imports = folder / "imports"
        (self.packages / "counted.py").write_text(COUNTED.format(file=str(self.imports)))
        self.warm = WarmParents()
        self.pools: list[Pool] = []
        self.environment: dict[str, str] = {}

    def write(self, code: str = "", init: str = "pass") -> dict[str, str]:
        self.environment = {
            **write_script(self.app, SCRIPT.format(code=code, init=init)),
            "LOCALMODEL_PYTHON": str(self.folder / "venv" / "bin" / "python"),
            "AZUREML_MODEL_DIR": str(self.models),
        }
        return self.environment

    async def start(self, code: str = "", init: str = "pass") -> Pool:
        pool = await Pool.start(read_settings(self.write(code, init)), self.warm)
        self.pools.append(pool)
        return pool

    def ahead(self, code: str = "", init: str = "pass") -> list[str]:
        return [item.module for item in likely_imports(read_settings(self.write(code, init)))]


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    given = Given(tmp_path)
    try:
        yield given
    finally:
        await given.warm.close()
        for pool in given.pools:
            await pool.close()


@pytest.fixture
def quick_to_give_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(forked_worker, "_SECONDS_OF_REST", 0.3)
    yield


async def test_a_package_is_imported_once_for_the_first_worker_and_the_next(given: Given) -> None:
    first = await given.start("import counted")
    assert first.how == "fork"
    first.enter_service()
    assert (await given.start("import counted\nEDITED = 1")).how == "fork"
    assert given.imports.read_text() == "imported"


THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


async def test_a_parent_that_cannot_be_forked_serves_itself(given: Given) -> None:
    (given.packages / "starts.py").write_text(f"import counted\n{THREAD}")
    pool = await given.start("import starts\nassert 'localmodel-warm' not in open('/proc/self/comm').read()")
    assert (pool.how, pool.why_not_forked) == ("spawn", "a thread runs since the packages were imported")
    assert given.imports.read_text() == "imported"
    pool.enter_service()
    edited = await given.start("import starts\nEDITED = 1")
    assert (edited.how, edited.why_not_forked) == ("spawn", "a thread runs since the packages were imported")
    assert edited.alive == pool.alive == 1


async def test_a_parent_that_serves_ends_and_is_replaced_as_any_worker(given: Given) -> None:
    (given.packages / "starts.py").write_text(f"import counted\n{THREAD}")
    pool = await given.start("import starts")
    (worker,) = pool._workers
    restarted = asyncio.Event()
    pool.on_change = restarted.set
    pool.enter_service()
    restarted.clear()
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()
    await restarted.wait()
    assert pool.alive == 1
    assert given.imports.read_text() == "importedimported"


async def test_of_several_workers_one_is_the_parent(given: Given) -> None:
    (given.packages / "starts.py").write_text(f"import counted\n{THREAD}")
    environment = {**given.write("import starts"), "WORKER_COUNT": "3"}
    pool = await Pool.start(read_settings(environment), given.warm)
    given.pools.append(pool)
    assert (pool.how, pool.alive, given.imports.read_text()) == ("spawn", 3, 3 * "imported")


@pytest.mark.parametrize(
    "package",
    [
        "logging.basicConfig(format='package %(message)s')",
        "logging.basicConfig(level='DEBUG')",
        "logging.root.addHandler(logging.FileHandler('/dev/null'))",
        "logging.root.handlers.clear()",
        "logging.root.handlers[0].setFormatter(logging.Formatter('%(message)s'))",
        "logging.root.setLevel('ERROR')",
    ],
)
async def test_logging_that_a_package_sets_up_is_as_in_a_process_of_its_own(given: Given, package: str) -> None:
    (given.packages / "logs.py").write_text(f"import logging\n{package}\n")
    note = given.folder / "logging.txt"
    state = "(logging.root.level, [(type(h), h.formatter and h.formatter._fmt) for h in logging.root.handlers])"
    code = f"import logging, logs, counted\nopen({str(note)!r}, 'w').write(repr({state}))"
    pool = await given.start(code)
    assert (pool.how, pool.why_not_forked) == ("spawn", "importing the packages has set up logging")
    ahead = note.read_text()
    assert given.imports.read_text() == "imported"
    pool = await Pool.start(read_settings(given.environment))
    given.pools.append(pool)
    assert (given.imports.read_text(), note.read_text()) == ("importedimported", ahead)


async def test_a_package_that_leaves_logging_as_it_is_does_not_hinder_a_fork(given: Given) -> None:
    (given.packages / "logs.py").write_text(
        "import logging, counted\nlogging.basicConfig()\nlogging.getLogger('logs').setLevel('DEBUG')\n"
    )
    code = "import logging, logs\nassert len(logging.root.handlers) == 1 and logging.root.level == logging.INFO"
    assert (await given.start(code)).how == "fork"


async def test_a_package_that_only_a_pickle_names_is_imported_once(given: Given) -> None:
    (given.packages / "shapes.py").write_text("import counted\nclass Square: pass\n")
    (given.models / "model.pkl").write_bytes(pickle_of("shapes"))
    load = f"pickle.load(open({str(given.models / 'model.pkl')!r}, 'rb'))"
    pool = await given.start("import pickle", load)
    assert pool.how == "fork"
    pool.enter_service()
    assert (await given.start("import pickle\nEDITED = 1", load)).how == "fork"
    assert given.imports.read_text() == "imported"


async def test_what_a_script_does_between_its_imports_comes_first(given: Given) -> None:
    (given.packages / "settings.py").write_text("flag = 'default'\n")
    (given.packages / "reads.py").write_text("import settings\nFLAG = settings.flag\nclass Square: pass\n")
    (given.models / "model.pkl").write_bytes(pickle_of("reads"))
    code = "import settings\nsettings.flag = 'set'\nimport reads\nassert reads.FLAG == 'set'"
    assert (await given.start(code)).how == "fork"
    load = f"settings.flag = 'set'; pickle.load(open({str(given.models / 'model.pkl')!r}, 'rb'))"
    load += "\n    import reads\n    assert reads.FLAG == 'set'"
    await given.warm.close()
    given.warm = WarmParents()
    assert (await given.start("import pickle, settings", load)).how == "fork"


@pytest.mark.parametrize(
    "find",
    [
        "next(pathlib.Path(os.environ['AZUREML_MODEL_DIR']).rglob('*.pkl'))",
        "list(pathlib.Path(os.getenv('AZUREML_MODEL_DIR')).iterdir())[0]",
        "glob.glob(os.environ['AZUREML_MODEL_DIR'] + '/*.pkl')[0]",
        "pathlib.Path(os.environ['AZUREML_MODEL_DIR'])\n    path = next(path.rglob('*.pkl'))",
        "pathlib.Path(os.environ['AZUREML_MODEL_DIR'])\n    path = path.joinpath('model.pkl')",
    ],
)
def test_a_model_may_be_looked_for_first(given: Given, find: str) -> None:
    (given.models / "model.pkl").write_bytes(pickle_of("shapes"))
    code = "import glob, os, pathlib, pickle"
    ahead = ["glob", "os", "pathlib", "pickle", "shapes"]
    assert given.ahead(code, f"path = {find}\n    model = pickle.load(open(path, 'rb'))") == ahead
    assert given.ahead(f"{code}, counted", f"next(counted.configured())\n    path = {find}\n    load(path)") == [
        *ahead[:-1],
        "counted",
    ]


def test_only_a_pickle_that_is_loaded_counts(given: Given) -> None:
    for name in ("old", "new"):
        (given.models / f"{name}.pkl").write_bytes(pickle_of(f"{name}_shapes"))
    load = "folder = os.environ['AZUREML_MODEL_DIR']\n    pickle.load(open(os.path.join(folder, '{}.pkl'), 'rb'))"
    assert given.ahead("import os, pickle", load.format("new")) == ["os", "pickle", "new_shapes"]
    assert given.ahead("import os, pickle", load.format("none")) == []
    assert given.ahead("import os, pickle, counted", "pass") == ["os", "pickle", "counted"]
    assert given.ahead("import counted", "counted.configure()\n    load('new.pkl')") == ["counted"]


async def test_the_first_error_of_a_package_is_the_one_that_is_told(given: Given) -> None:
    first = "import os\nif not hasattr(os, 'again'):\n    os.again = True\n    raise OSError('libGL.so.1')\n"
    (given.packages / "twice.py").write_text(first + "raise OSError('cannot load module more than once')\n")
    with pytest.raises(LoadError, match=r"OSError: libGL\.so\.1"):
        await given.start("import twice")
    pool = await given.start("import counted")
    assert (pool.how, pool.why_not_forked) == ("spawn", "importing the packages has failed")
    pool.enter_service()
    await given.warm._tried.wait()
    assert (await given.start("import counted\nEDITED = 1")).how == "fork"


async def test_a_package_that_fails_fails_as_in_a_process_of_its_own(given: Given) -> None:
    (given.packages / "broken.py").write_text("import counted\nraise OSError('no such device')\n")
    with pytest.raises(LoadError, match=r"score\.py:1: OSError: no such device"):
        await given.start("import broken")
    with pytest.raises(LoadError, match="No module named 'absent'"):
        await given.start("import absent, counted")


async def test_a_package_that_ends_the_parent_is_left_to_a_process_of_its_own(given: Given) -> None:
    (given.packages / "fatal.py").write_text(f"import os\nif {PARENT}:\n    os.abort()\n")
    pool = await given.start("import fatal")
    assert pool.how == "spawn"
    assert "the warm parent has ended" in pool.why_not_forked


@pytest.mark.usefixtures("quick_to_give_up")
async def test_a_fork_that_hangs_is_given_up_and_one_that_computes_is_not(given: Given) -> None:
    busy = "import time; end = time.monotonic() + 1.5\n    while time.monotonic() < end: pass"
    started = time.monotonic()
    assert (await given.start("import counted", busy)).how == "fork"
    assert time.monotonic() - started > 1.5
    hangs = f"import time; {FORKED} and time.sleep(1000)"
    await given.warm.close()
    given.warm = WarmParents()
    pool = await given.start("import counted", hangs)
    assert pool.how == "spawn"
    assert pool.why_not_forked == "a forked worker does nothing"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.environ['LEVEL'] = '1'\nimport counted",
        "import os\nos.environ.setdefault('LEVEL', '1')\nimport counted",
        "from os import environ, putenv\nputenv('LEVEL', '1')\nimport counted",
        "import warnings\nwith warnings.catch_warnings():\n    import counted",
        "import json\n@json.dumps\ndef f(): pass\nimport counted",
        "import json, decimal",  # of Python itself: nothing is saved
        "def later():\n    import counted",
        "try:\n    import counted\nexcept ImportError:\n    pass",
        "import counted\ndef run(:",
    ],
)
def test_nothing_is_imported_ahead(given: Given, code: str) -> None:
    assert given.ahead(code) == []


def test_what_is_imported_ahead(given: Given) -> None:
    given.app.mkdir()
    (given.app / "helper.py").write_text("import numpy\nfrom scipy import stats\n")
    code = "import os, json\nfrom sklearn.svm import SVC\nimport helper\nHERE = os.environ['HOME']\nimport joblib"
    assert given.ahead(code) == ["os", "json", "sklearn.svm", "numpy", "scipy", "joblib"]
    (given.app / "helper.py").write_text("import numpy\nnumpy.seterr(all='ignore')\nimport scipy\n")
    assert given.ahead(code) == ["os", "json", "sklearn.svm", "numpy"], "what runs between imports may change a package"
    (given.app / "own").mkdir()
    (given.app / "own" / "part.py").write_text("")
    assert given.ahead("import numpy\nimport own.part\nimport scipy") == ["numpy"]


def test_a_logging_json_comes_before_every_package(given: Given) -> None:
    assert given.ahead("import counted") == ["counted"]
    (given.app / "logging.json").write_text('{"version": 1}')
    assert given.ahead("import counted") == []


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"\x80\x04", b"\x80\x04\x8c\x06shapes", b"PK\x03\x04", b"\x80\x04" * 99]
)
def test_a_model_may_be_anything(given: Given, content: bytes) -> None:
    (given.models / "model").write_bytes(content)
    (given.models / "gone").symlink_to("nowhere")
    assert given.ahead("import counted") == ["counted"]


async def test_a_source_folder_may_be_anything(given: Given) -> None:
    (given.app / "lib").mkdir(parents=True)
    for number in range(2001):
        (given.app / "lib" / f"part{number}.py").write_text("")
    (given.app / "around").symlink_to(given.app)
    pool = await given.start("import counted")
    assert pool.how == "spawn"
    assert given.ahead("import counted") == []
    given.environment["AZUREML_ENTRY_SCRIPT"] = "elsewhere/score.py"
    assert likely_imports(read_settings(given.environment)) == []

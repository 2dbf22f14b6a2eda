"""Pickles that a notebook or a training script has saved: their ``__main__`` is the entry script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, find_python, write_script

STEPS = """
class AddOne:
    class Inner:
        by = 1

    def __call__(self, value):
        return value + self.Inner.by


class Path:
    pass


def double(value):
    return 2 * value
"""
TRAIN = f"""{STEPS}
import pickle
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    with open(f"{{protocol}}.pkl", "wb") as file:
        pickle.dump([AddOne(), double, Path(), *([AddOne.Inner] if protocol > 3 else [])], file, protocol)
"""
LOAD = """
import glob
import io
import multiprocessing
import pickle

def load(name):
    with open(name, "rb") as file:
        content = file.read()
    for loaded in (pickle.loads(content), pickle._Unpickler(io.BytesIO(content)).load()):
        first, second, third, *others = loaded
        assert type(first) is AddOne and second is double and type(third) is Path
        assert others in ([], [AddOne.Inner])
    return second(first(3))

def init():
    global values
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(double, [4]) == [8]
    values = [load(name) for name in sorted(glob.glob("*.pkl"))]

def run(data):
    return values

if __name__ == "__main__":
    raise SystemExit("this file is not the main one")
"""
FORMS = {
    "defined": {"score": f"{STEPS}\n{LOAD}"},
    "imported": {"score": f"from steps import AddOne, Path, double\n{LOAD}", "steps": STEPS},
    "driven": {
        "score": "import driver_module\nfrom driver_module import init, run",
        "driver_module": f"{STEPS}\n{LOAD}",
    },
}


def save(folder: Path, python: str = sys.executable) -> Path:
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    subprocess.run([python, "train.py"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_names_of_main_are_looked_up_in_the_entry_script(tmp_path: Path, form: str) -> None:
    modules = dict(FORMS[form])
    environment = write_script(save(tmp_path / "app"), modules.pop("score"), **modules)
    with ScoringServer(tmp_path, environment) as server:
        assert server.wait_until_ready().score({}).json == [8] * 6


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_in_another_python(tmp_path: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    environment = write_script(save(tmp_path / "app", python), FORMS["defined"]["score"])
    with ScoringServer(tmp_path, {**environment, "LOCALMODEL_PYTHON": python, "WORKER_PRELOAD": "true"}) as server:
        assert server.wait_until_ready().score({}).json == [8] * 6


@pytest.mark.parametrize("load", ["pickle.load(file)", "pickle._Unpickler(file).load()"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_where_they_are_not_the_error_says_what_to_do(tmp_path: Path, protocol: int, load: str) -> None:
    text = f"import pickle, steps\ndef init():\n    with open('{protocol}.pkl', 'rb') as file:\n        {load}\n"
    environment = write_script(save(tmp_path / "app"), f"{text}def run(data): ...\n", steps=STEPS)
    with ScoringServer(tmp_path, environment) as server:
        assert server.wait_for_end() == 3
        told = (
            "AddOne: of the script that saved the pickle, and score.py does not have it; define it there, or import it"
        )
        assert f"init() failed: score.py:4: AttributeError: {told} there\n" in server.log
        assert server.log.count(told) > 1, "in the traceback, too"
        assert "localmodel_worker" not in server.log

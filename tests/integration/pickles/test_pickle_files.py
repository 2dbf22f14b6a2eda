"""Files as scikit-learn, joblib, numpy and PyTorch write them, damaged ones, hostile ones; nothing in them may run."""

import bz2
import gzip
import lzma
import os
import pickle
import pickletools
import random
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.stats import gamma, norm
from sklearn import __version__ as sklearn_version
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from support.examples import examples
from support.lmd_command import Lmd
from uv import find_uv_bin

from localmodel.pickles import examine, files

MODULES = {"sklearn.pipeline", "sklearn.ensemble._forest", "sklearn.preprocessing._data", "sklearn.tree._tree"}


class Creates:
    """Loaded, it creates a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._path),)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    numbers = np.random.default_rng(0).random((60, 4))
    words = np.array(list("ab" * 30), dtype=object)
    steps = make_pipeline(StandardScaler(), FunctionTransformer(np.abs), RandomForestClassifier(5, random_state=0))
    return steps.fit(np.asfortranarray(numbers), words)


def one(result: dict[str, Any]) -> dict[str, Any]:
    (file,) = result["files"].values()
    assert "unread" not in result
    return dict(file)


@pytest.mark.parametrize("compression", [0, "zlib", "gzip", "bz2", "xz", "lzma"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_file_of_joblib(model: Pipeline, tmp_path: Path, compression: Any, protocol: int) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=(compression, 3) if compression else 0, protocol=protocol)
    result = examine(path)
    assert result["modules"] == sorted(set(result["modules"])) and set(result["modules"]) >= MODULES
    assert result["versions"] == {"scikit-learn": sklearn_version, "numpy": ">=2"} and result["unsafe"] == []
    assert one(result)["format"] == "joblib" and one(result)["compression"] == (compression or "")
    assert "sklearn.preprocessing._data.StandardScaler" in one(result)["globals"]


@pytest.mark.parametrize("protocol", range(6))
def test_a_file_of_pickle(model: Pipeline, tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(model, protocol))
    result = examine(path)
    assert set(result["modules"]) >= MODULES and result["versions"]["scikit-learn"] == sklearn_version
    assert one(result)["format"] == "pickle" and result["unsafe"] == []


def test_of_usual_models_nothing_is_told(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random((40, 3))
    words = (numbers[:, 0] > 0.5).astype(int)
    frame = pd.DataFrame(numbers, columns=list("abc")).assign(word=pd.Categorical(["x", "y"] * 20))
    columns = ColumnTransformer([("n", StandardScaler(), ["a"]), ("w", OneHotEncoder(), ["word"])]).fit(frame)
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=2, scoring=make_scorer(f1_score)).fit(numbers, words)
    models = [columns, search, frame, GradientBoostingClassifier(n_estimators=2).fit(numbers, words)]
    models += [KNeighborsClassifier(algorithm=tree).fit(numbers, words) for tree in ("kd_tree", "ball_tree")]
    models += [CalibratedClassifierCV(GaussianNB(), cv=2).fit(numbers, words), csr_matrix(numbers)]
    for number, each in enumerate(models):
        joblib.dump(each, tmp_path / f"{number}.joblib")
        (tmp_path / f"{number}.pkl").write_bytes(pickle.dumps(each))
    result = examine(tmp_path)
    assert (result["unsafe"], result["unknown"], result.get("unread")) == ([], [], None)
    assert len(result["files"]) == 16


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_of_usual_data_nothing_is_told(tmp_path: Path) -> None:
    records = np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
    masked = np.ma.array([(1, 2.0)], mask=[(True, False)], dtype=[("a", int), ("b", float)])
    data = [records, records[0], np.ma.masked, masked[0], csr_matrix([[1, 2]]).todense(), np.char.array(["a"])]
    data += [np.array(["a"], dtype=np.dtypes.StringDType()), np.datetime64("2020-01-01"), np.zeros(1, "M8[D]")]
    data += [np.random.Generator(np.random.Philox(1)), np.random.RandomState(1), norm, gamma(2.0)]
    data += [pd.Interval(1, 2), pd.Period("2020-01"), pd.date_range("2020", periods=2, freq="B"), pd.offsets.Week()]
    data += [pd.timedelta_range("1D", periods=2), pd.arrays.SparseArray([0, 1]), pd.MultiIndex.from_tuples([(1, "a")])]
    for number, each in enumerate(data):
        joblib.dump(each, tmp_path / f"{number}.joblib")
        for protocol in (0, 2, 5):
            (tmp_path / f"{number}.{protocol}.pkl").write_bytes(pickle.dumps(each, protocol))
    result = examine(tmp_path)
    assert (result["unsafe"], result["unknown"], result.get("unread")) == ([], [], None)


def test_every_kind_of_array_is_passed_over(tmp_path: Path) -> None:
    numbers = np.arange(12.0).reshape(3, 4)
    records = np.zeros(3, dtype=[("a", "f8"), ("b", "U5"), ("c", object)])
    arrays = [numbers, numbers.T, numbers[:, ::2], numbers > 3, numbers.astype(">f4"), numbers.astype("c8")]
    arrays += [np.array("text"), np.array([b"x"]), np.array(["2020"], "M8[D]"), np.zeros((3, 0)), np.float64(1)]
    arrays += [records, records[["a", "b"]].copy(), np.longdouble(numbers), np.array([None, {}], dtype=object)]
    joblib.dump([*arrays, Creates(tmp_path / "created")], tmp_path / "arrays.joblib")
    result = examine(tmp_path / "arrays.joblib")
    assert one(result)["format"] == "joblib"
    assert result["unsafe"] == ["posix.mkdir (arrays.joblib)"], "what comes behind them is seen"


def test_what_older_versions_wrote(tmp_path: Path) -> None:
    """joblib 1.1 does not align its arrays yet."""
    interpreter = tmp_path / "old" / "bin" / "python"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "old"], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", interpreter, "joblib==1.1.1", "numpy"], check=True)
    script = """
import collections, joblib, numpy
class Model: pass
model = Model()
model.__dict__ = {"a": numpy.arange(7.0), "b": numpy.array(["x", 1], dtype=object), "_sklearn_version": "0.24.2"}
joblib.dump([model, numpy.arange(3), collections.OrderedDict()], "model.joblib")
joblib.dump([model, numpy.arange(3), collections.OrderedDict()], "model.joblib.gz")
"""
    subprocess.run([interpreter, "-W", "ignore", "-c", script], cwd=tmp_path, check=True)
    for name in ("model.joblib", "model.joblib.gz"):
        result = examine(tmp_path / name)
        assert result["versions"]["scikit-learn"] == "0.24.2" and "collections" in result["modules"]
        assert one(result)["format"] == "joblib"


def test_numpys_files(model: Pipeline, tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([model, 1], dtype=object), allow_pickle=True)
    np.savez_compressed(tmp_path / "several.npz", numbers=np.arange(9), objects=np.array([model], dtype=object))
    np.save(tmp_path / "numbers.npy", np.arange(9))
    result = examine(tmp_path)
    assert list(result["files"]) == ["objects.npy", "several.npz/objects.npy"]
    assert all(file["format"] == "numpy" for file in result["files"].values()) and set(result["modules"]) >= MODULES


def test_an_archive_as_pytorch_writes_it(tmp_path: Path) -> None:
    state = b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n"
    state += b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
    state += b"K\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRu."
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", state)
        archive.writestr("model/data/0", random.Random(0).randbytes(16))
        archive.writestr("model/evil", pickle.dumps(Creates(tmp_path / "created")))
    result = examine(tmp_path / "model.pt")
    assert result["files"]["model.pt/model/data.pkl"]["globals"][1:] == [
        "torch.FloatStorage",
        "torch._utils._rebuild_tensor_v2",
    ]
    assert result["unsafe"] == ["posix.mkdir (model.pt/model/evil)"] and "unread" not in result


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    created = tmp_path / "created"
    evil = Creates(created)
    folder = tmp_path / "models"
    folder.mkdir()
    for protocol in range(6):
        (folder / f"{protocol}.pkl").write_bytes(pickle.dumps(evil, protocol))
        joblib.dump([np.arange(3), evil], folder / f"{protocol}.joblib", protocol=protocol)
    joblib.dump(np.array([evil], dtype=object), folder / "packed.joblib", compress=3)
    np.save(folder / "array.npy", np.array([evil], dtype=object), allow_pickle=True)
    np.savez(folder / "arrays.npz", np.array([evil], dtype=object))
    (folder / "second.pkl").write_bytes(pickle.dumps(1) + pickle.dumps(evil))
    (folder / "no-ending").write_bytes(pickle.dumps(evil, 0)[:-1])
    result = examine(folder)
    assert not created.exists()
    assert len(result["unsafe"]) == 17
    assert result["unread"] == ["no-ending: not a whole pickle: it ends without a STOP"]
    joblib.load(folder / "packed.joblib")
    assert created.exists(), "the files do what they are feared for"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("cat\nos\n(a list)\nI am no pickle.\n")
    (tmp_path / "weights.bin").write_bytes(random.Random(1).randbytes(100_000))
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(b"B,1,2\n" * 1000))
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "nothing").symlink_to("nowhere")
    assert examine(tmp_path) == {}


def test_what_cannot_be_read_is_said(model: Pipeline, tmp_path: Path) -> None:
    joblib.dump(model, tmp_path / "cut.joblib")
    whole = (tmp_path / "cut.joblib").read_bytes()
    (tmp_path / "cut.joblib").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.pkl.gz").write_bytes(gzip.compress(whole)[:-900])
    (tmp_path / "old.pkl").write_bytes(b"ZF0x12345             ")
    (tmp_path / "fast.joblib").write_bytes(b"\x04\x22\x4d\x18" + bytes(20))
    (tmp_path / "model.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
    result = examine(tmp_path)
    told = dict(line.split(": ", 1) for line in result["unread"])
    assert told.keys() == {"cut.joblib", "cut.pkl.gz", "old.pkl", "fast.joblib", "model.zip", "header.npy"}
    assert " ends " in told["cut.joblib"] and "ends too early" in told["cut.pkl.gz"]
    assert "older than 0.10" in told["old.pkl"] and "pip install lz4" in told["fast.joblib"]
    assert set(result["modules"]) & MODULES, "what came before the damage is told"


def test_a_large_file_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    """Two gigabytes of zeros, not one of them read; and ten compressed into a few megabytes, read for a while only."""
    path = tmp_path / "large.pkl"
    with path.open("wb") as file:
        file.write(b"\x80\x04\x8e" + (2 << 30).to_bytes(8, "little"))
        file.seek(2 << 30, os.SEEK_CUR)
        file.write(b"ccollections\nOrderedDict\n\x86.")
    packer = zlib.compressobj(9)
    with (tmp_path / "bomb.pkl").open("wb") as file:
        file.write(packer.compress(b"\x80\x04\x8e" + (10 << 30).to_bytes(8, "little")))
        for _ in range(1024):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    script = f"""
import sys, time
from pathlib import Path
from localmodel.pickles import examine, stream
stream._SECONDS = 1.0
stream.Budget.__init__.__defaults__ = (stream._OPERATIONS, 1.0)
started = time.monotonic()
print(examine(Path({str(path)!r}))["modules"], examine(Path({str(tmp_path / "bomb.pkl")!r}))["unread"])
print(time.monotonic() - started < 20)
print(next(int(line.split()[1]) < 100_000 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["['collections'] ['bomb.pkl: reading stopped after 1 s']", "True", "True"]


PACKERS: list[Callable[[bytes], bytes]] = [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress]
GOOD = [
    pickle.dumps({"a": [1, 2.5, None, "x"], "b": (1, 2, 3)}, 4),
    pickle.dumps(Creates(Path("x")), 0),
    b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b.",
    b"\x93NUMPY\x01\x00\x06\x00'|O'  \x80\x04N.",
    b"PK\x03\x04",
]
INSTRUCTIONS = [ord(instruction.code) for instruction in pickletools.opcodes]


@settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from(INSTRUCTIONS), max_size=60).map(bytes),
        st.tuples(st.sampled_from(GOOD), st.integers(0, 200), st.binary(max_size=8)).map(
            lambda given: given[0][: given[1]] + given[2] + given[0][given[1] + len(given[2]) :]
        ),
    ),
    packer=st.sampled_from(PACKERS),
    cut=st.integers(0, 30),
    name=st.sampled_from(["model.pkl", "model.joblib", "model.npy", "model"]),
)
@example(data=b"\x80\x04}(]]u.", packer=bytes, cut=0, name="model")
def test_any_bytes_give_a_result(
    tmp_path: Path, data: bytes, packer: Callable[[bytes], bytes], cut: int, name: str
) -> None:
    packed = packer(data)
    path = tmp_path / name
    path.write_bytes(packed[: len(packed) - cut] if cut < 20 else packed)
    result = examine(path)
    assert result == {} or {"files", "modules", "versions", "unsafe"} <= result.keys()


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 700), st.integers(0, 255))
def test_a_damaged_archive_gives_a_result(tmp_path: Path, place: int, value: int) -> None:
    path = tmp_path / "model.npz"
    np.savez_compressed(path, a=np.array([1, "x"], dtype=object), b=np.arange(3))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    assert isinstance(examine(path), dict)


def test_an_archive_with_a_huge_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LONGEST_ZIP_READ", 1000)
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.npy", b"")
    (told,) = examine(tmp_path / "model.npz")["unread"]
    assert told == "model.npz: it is a damaged archive (its directory is too large)"


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04cos\n\x1b[2Jsystem\n.")
    assert examine(tmp_path / "m.pkl")["unsafe"] == ["os.\\x1b[2Jsystem (m.pkl)"]


def test_the_command_says_what_it_found(lmd: Lmd, model: Pipeline) -> None:
    joblib.dump(model, lmd.folder / "model.joblib")
    result = lmd("model", "check", "model.joblib")
    assert result.code == 0, result.err
    assert "nothing known to be unsafe was found" in result.out and "not known" not in result.out
    assert f"saved with scikit-learn {sklearn_version}" in result.out and "sklearn.pipeline" in result.out
    (lmd.folder / "evil.pkl").write_bytes(pickle.dumps(Creates(lmd.folder / "created")))
    result = lmd("model", "check", "evil.pkl")
    assert result.code == 1 and "import known to be unsafe: posix.mkdir (evil.pkl)" in result.out
    assert "error: loading" in result.err and not (lmd.folder / "created").exists()
    (lmd.folder / "own.pkl").write_bytes(b"\x80\x04cfeatures\nAges\n)\x81.")
    result = lmd("model", "check", "own.pkl")
    assert result.code == 3 and "imports not known to be harmless: features.Ages (own.pkl)" in result.out
    (lmd.folder / "main.pkl").write_bytes(b"\x80\x04c__main__\nAges\n)\x81.")
    told = "Ages: of the script that saved it; define it in the entry script, or import it there"
    assert told in lmd("model", "check", "main.pkl").out
    assert told in lmd("model", "register", "main.pkl", "--name", "main").err
    result = lmd("model", "check", lmd.folder, "-o", "json")
    assert result.code == 1 and '"unsafe": [' in result.out
    (lmd.folder / "notes.txt").write_text("nothing")
    result = lmd("model", "check", "notes.txt")
    assert (result.code, result.out) == (0, "no pickle in notes.txt\n")

"""What is read from a pickle's instructions, and which imports are called unsafe."""

import collections
import datetime
import io
import os
import pickle
import random
import struct
from typing import Any

import pytest

from localmodel.pickles.hazards import is_known, is_unsafe, may_be_called, may_be_made
from localmodel.pickles.machine import Findings, follow
from localmodel.pickles.stream import Budget, Stream, UnreadablePickleError
from localmodel.pickles.values import Global


def read(data: bytes, budget: Budget | None = None) -> Findings:
    findings = Findings()
    file = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    follow(Stream(file, len(data), budget or Budget()), findings)
    return findings


def text(name: str) -> bytes:
    """The name pushed onto the stack."""
    return b"\x8c" + bytes([len(name)]) + name.encode()


class Calls:
    """Pickled, it calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("protocol", range(6))
def test_imports_are_seen_in_every_protocol(protocol: int) -> None:
    value = [collections.OrderedDict(a=datetime.date(2020, 1, 2)), {1.5, None, True, 2**80, b"x", "text", (1, 2, 3, 4)}]
    findings = read(pickle.dumps(value, protocol))
    assert {Global("collections", "OrderedDict"), Global("datetime", "date")} <= findings.globals.keys()
    assert not findings.unsafe and not findings.called
    assert findings.protocol == (protocol if protocol > 1 else 0)


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_of_the_shell_is_seen_in_every_protocol(protocol: int) -> None:
    findings = read(pickle.dumps(["innocent", Calls(os.system, "true")], protocol))
    assert list(findings.unsafe) in (["posix.system"], ["nt.system"]) and findings.called


@pytest.mark.parametrize(
    "instructions",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04" + text("os") + text("system") + b"\x93(" + text("true") + b"tR.",
        # the names by way of the memo, in another order, with other things on the stack
        b"\x80\x04" + text("system") + b"\x94" + text("os") + b"\x9400h\x01h\x00\x93" + text("true") + b"\x85R.",
        b"\x80\x04S'o\\x73'\np5\n0" + text("system") + b"q\x07" + b"0g5\nh\x07\x93" + text("true") + b"\x85R.",
        b"(Vos\nVsystem\n\x93" + text("true") + b"\x85R.",
        # behind numbers that only look like the end
        b"K.J....K.000" + b"cos\nsystem\n" + text("true") + b"\x85R.",
    ],
)
def test_ways_to_say_the_same(instructions: bytes) -> None:
    findings = Findings()
    file = io.BufferedReader(io.BytesIO(instructions))  # type: ignore[arg-type]
    try:
        follow(Stream(file, len(instructions), Budget()), findings)
    except UnreadablePickleError:
        assert instructions.startswith(b"K")
    assert "os.system" in findings.unsafe and findings.called


def test_what_comes_before_an_error_counts() -> None:
    findings = Findings()
    data = b"cos\nsystem\n(S'true'\ntR\xff"
    with pytest.raises(UnreadablePickleError, match="byte 22 is not an instruction"):
        follow(Stream(io.BufferedReader(io.BytesIO(data)), len(data), Budget()), findings)  # type: ignore[arg-type]
    assert findings.called


def test_a_name_that_is_computed_is_not_trusted() -> None:
    computed = b"c_codecs\nencode\n(Vflfgrz\nVrot13\ntR"
    findings = read(b"\x80\x04" + text("os") + computed + b"\x93.")
    assert findings.unsafe == {"something whose name is known only when it runs": None}


def test_extensions_and_changes_of_classes_are_not_trusted() -> None:
    assert read(b"\x80\x02\x82\x05.").unsafe == {"extension 5 of the copyreg module": None}
    assert read(b"\x80\x02csklearn.base\nBaseEstimator\n}b.").unsafe == {
        "a change of sklearn.base.BaseEstimator itself": None
    }


def test_a_state_tells_the_version() -> None:
    state = {"coef_": [1.0], "_sklearn_version": "1.4.2"}
    for protocol in range(6):
        assert read(pickle.dumps(WithState(state), protocol)).versions == {"scikit-learn": "1.4.2"}
    assert read(pickle.dumps(WithState({"_sklearn_version": "; rm -rf"}))).versions == {}


class WithState:
    def __init__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def test_joblibs_arrays_are_passed_over() -> None:
    """The bytes of an array between instructions, with and without joblib's alignment, and with payload for bytes."""
    payload = b"cos\nsystem\n(S'true'\ntR."
    payload += bytes(-len(payload) % 8)
    for alignment, before in ((b"", b""), (text("numpy_array_alignment_bytes") + b"K\x10", b"\x03\xff\xff\xff")):
        data = b"\x80\x04]" + wrapper("f8", len(payload) // 8, alignment) + before + payload + b"a."
        findings = read(data)
        assert findings.arrays == 1
        # pickle.load comes across the first as instructions; a byte that aligns is none
        assert list(findings.unsafe) == ([] if alignment else ["instructions in the bytes of an array"])


def wrapper(dtype: str, length: int, alignment: bytes = b"") -> bytes:
    described = (
        b"cnumpy\ndtype\n("
        + text(dtype)
        + b"\x89\x88tR(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    state = (
        b"}("
        + text("shape")
        + b"J"
        + struct.pack("<i", length)
        + b"\x85"
        + text("dtype")
        + described
        + alignment
        + b"u"
    )
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + state + b"b"


@pytest.mark.parametrize(
    ("dtype", "length", "message"),
    [
        ("f8", 1000, "8000 bytes should follow byte"),
        ("f999999999999", 3, "bytes should follow byte"),
        ("x8", 1, "has a dtype that is not known"),
        ("f8", -1, "has no shape that can be read"),
    ],
)
def test_an_array_that_is_not_there_is_an_error(dtype: str, length: int, message: str) -> None:
    with pytest.raises(UnreadablePickleError, match=message):
        read(b"\x80\x04" + wrapper(dtype, length) + b".")


def test_an_array_in_a_frame_is_an_error() -> None:
    content = wrapper("f8", 0)
    frame = b"\x80\x04\x95" + struct.pack("<Q", len(content) + 1) + content + b"."
    with pytest.raises(UnreadablePickleError, match="lies in a frame"):
        read(frame)


def test_the_limit_of_instructions_is_kept() -> None:
    with pytest.raises(UnreadablePickleError, match="more in it than is looked at"):
        read(b"N0" * 10_000 + b"N.", Budget(operations=5000))


WITHOUT_END = [b"V\\uZZ\n.", b"K", b"X\xff\xff\xff\xff", b"cos\nsystem", b"c" + b"x" * 5000, b"\x8b\xff\xff\xff\x7f1."]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x09.",
        b"2.",
        b"t.",
        b"u.",
        b"s.",
        b"R.",
        b"(o.",
        b"I1x\n.",
        b"Fnone\n.",
        b"S'x\n.",
        b"g\n.",
        *WITHOUT_END,
    ],
)
def test_what_is_no_pickle_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadablePickleError):
        read(data)


UNSAFE = """os:system posix:system nt:system subprocess:Popen builtins:eval builtins:exec builtins:getattr builtins:open
builtins:__import__ builtins:compile __builtin__:eval __builtin__:apply importlib:import_module runpy:run_path
socket:create_connection shutil:rmtree sys:modules sys:settrace pty:spawn pickle:loads _pickle:loads cPickle:loads
marshal:loads types:CodeType types:FunctionType ctypes:CDLL code:InteractiveInterpreter operator:attrgetter
operator:methodcaller functools:reduce cProfile:run timeit:timeit pdb:run bdb:Bdb.run pydoc:locate webbrowser:open
multiprocessing.util:spawnv_passfds ensurepip:_run_pip idlelib.pyshell:ModifiedInterpreter.runcode
lib2to3.pgen2.grammar:Grammar.loads commands:getoutput urllib2:urlopen ssl:get_server_certificate asyncio:run
logging.config:dictConfig pathlib:Path.unlink uuid:_get_command_stdout _io:FileIO io:open_code threading:Thread
collections:namedtuple datetime:sys enum:bltns.eval itertools:__class__ copyreg:add_extension
typing:get_type_hints numpy:load numpy.f2py.crackfortran:getlincoef numpy.testing._private.utils:runstring
numpy.ctypeslib:load_library joblib:load joblib.numpy_pickle:load joblib.memory:Memory pandas:read_pickle
pandas.io.pickle:read_pickle pandas:eval torch:load torch.hub:load torch.utils.collect_env:run
torch.jit.unsupported_tensor_ops:execWrapper torch.storage:_load_from_bytes dill._dill:_create_code
cloudpickle.cloudpickle:_make_function requests.api:get setuptools.sandbox:run_setup sklearn.utils:os.system
sklearn.anything:sp.run sklearn.base:BaseEstimator.__globals__ keras.models:load_model
IPython.core.interactiveshell:InteractiveShell"""


@pytest.mark.parametrize(
    "name",
    UNSAFE.split(),
)
def test_unsafe(name: str) -> None:
    """Those that other scanners know of, or learnt of by a report, and ways around."""
    module, _, inside = name.partition(":")
    assert is_unsafe(module, inside)


HARMLESS = """sklearn.linear_model._logistic:LogisticRegression sklearn.pipeline:Pipeline sklearn.tree._tree:Tree
sklearn.neighbors._dist_metrics:newObj sklearn.metrics._scorer:_Scorer sklearn._loss.link:LogitLink
sklearn.ensemble._hist_gradient_boosting.predictor:TreePredictor numpy:ndarray numpy:dtype numpy:log1p
numpy.core.multiarray:_reconstruct numpy._core.multiarray:scalar numpy.random._pickle:__randomstate_ctor
numpy.random._pickle:__generator_ctor numpy.random._mt19937:MT19937 joblib.numpy_pickle:NumpyArrayWrapper
pandas.core.frame:DataFrame pandas._libs.internals:_unpickle_block pandas.core.indexes.base:_new_Index
pandas._libs.tslibs.timestamps:_unpickle_timestamp scipy.sparse._csr:csr_matrix scipy._lib._util:MapWrapper
xgboost.sklearn:XGBClassifier xgboost.core:Booster lightgbm.sklearn:LGBMClassifier lightgbm.basic:Booster
torch._utils:_rebuild_tensor_v2 torch:FloatStorage torch.nn.modules.linear:Linear torch.serialization:_get_layout
statsmodels.regression.linear_model:RegressionResultsWrapper imblearn.pipeline:Pipeline __main__:Doubler
features:Ages builtins:dict builtins:ValueError builtins:slice __builtin__:set collections:OrderedDict
collections:defaultdict copyreg:_reconstructor copy_reg:_reconstructor _codecs:encode datetime:datetime
zoneinfo:ZoneInfo._unpickle decimal:Decimal functools:partial _operator:itemgetter uuid:UUID pathlib:PosixPath
pathlib._local:PosixPath re:_compile random:Random types:SimpleNamespace"""


@pytest.mark.parametrize(
    "name",
    HARMLESS.split(),
)
def test_harmless(name: str) -> None:
    module, _, inside = name.partition(":")
    assert not is_unsafe(module, inside)


NO_LONGER_HARMLESS = """enum:pickle_by_enum_name enum:bltns enum:Enum builtins:map builtins:filter itertools:starmap
statistics:sys string:Formatter hashlib:file_digest copy:deepcopy json:loads heapq:nlargest numpy:memmap
yaml:unsafe_load sympy:sympify numpy.core:_ufunc_reconstruct pandas:read_hdf"""
CALLS = """sklearn.utils._testing:assert_run_python_script_without_output torch.fx.graph_module:_forward_from_src
numexpr:evaluate pandas:read_csv pandas:read_hdf pandas:DataFrame.query pandas:DataFrame.to_csv
pandas.core.frame:DataFrame.to_csv numpy:savetxt numpy:memmap fsspec:open huggingface_hub:hf_hub_download
yaml:unsafe_load sympy:sympify sklearn.pipeline:Memory features:Ages pandas:ExcelFile pandas:HDFStore numpy:fromfile
sklearn.datasets._openml:TemporaryDirectory sklearn.linear_model._logistic:LogisticRegression.fit"""


@pytest.mark.parametrize("name", NO_LONGER_HARMLESS.split())
def test_what_leads_to_more_is_unsafe(name: str) -> None:
    module, _, inside = name.partition(":")
    assert is_unsafe(module, inside)


@pytest.mark.parametrize("name", CALLS.split())
def test_calls_that_are_not_known_to_be_harmless(name: str) -> None:
    """Called, given to a function that calls it, or called as a class is."""
    module, _, inside = name.partition(":")
    function = b"\x80\x04" + text(module) + text(inside) + b"\x93"
    given = b"\x80\x04cnumpy.random._pickle\n__generator_ctor\n" + text("x") + function[2:] + b"\x86R."
    for data in (function + text("x") + b"\x85R.", given):
        findings = read(data)
        assert findings.unsafe or f"{module}.{inside}" in findings.unknown


def test_objects_of_known_packages_are_made_without_a_word() -> None:
    made = (
        b"\x80\x04csklearn.linear_model._logistic\nLogisticRegression\n)\x81}" + text("score") + b"cnumpy\nlog1p\nsb."
    )
    findings = read(made)
    assert not findings.unsafe and not findings.unknown
    assert is_known("numpy", "log1p") and not is_known("features", "Ages")
    assert may_be_made("pandas.core.frame", "DataFrame")
    assert not may_be_called("pandas.core.frame", "DataFrame")


def test_what_calls_make_is_not_called() -> None:
    item = b"\x80\x04c_operator\nitemgetter\nK\x00\x85R"
    assert read(item + b".").unknown == {}
    assert "a call of what another call has made" in read(item + b"(K\x01t\x85R.").unknown
    assert read(b"\x80\x04cbuiltins\ntype\n(X\x01\x00\x00\x00a)}tR.").unsafe
    assert not read(pickle.dumps(type(None))).unsafe


@pytest.mark.parametrize("alignment", [b"", text("numpy_array_alignment_bytes") + b"K\x10"])
def test_an_array_that_pickle_would_run(alignment: bytes) -> None:
    """The names lie in front of it, in the memo or on the stack; and it is aligned by what is an instruction, too."""
    for payload in (
        b"cos\nsystem\n" + text("true") + b"\x85R.",
        b"0h\x60h\x61\x93" + text("true") + b"\x85R.",
        text("os") + text("system") + b"\x93.",
    ):
        payload += bytes(-len(payload) % 8)
        start = b"\x80\x04]" + text("os") + b"q\x600" + text("system") + b"q\x610"
        padding = b"(" + b"N" * 40 if alignment else b""
        data = start + wrapper("f8", len(payload) // 8, alignment) + padding + payload + b"a."
        assert "instructions in the bytes of an array" in read(data).unsafe


def test_arrays_of_any_bytes_are_no_false_alarm() -> None:
    chance = random.Random(0)
    for size in [*range(1, 400), 10_000, 1_000_000]:
        content = chance.randbytes(size * 8)
        aligned = text("numpy_array_alignment_bytes") + b"K\x10"
        findings = read(b"\x80\x04]" + wrapper("f8", size, aligned) + b"\x03\xff\xff\xff" + content + b"a.")
        assert not findings.unsafe and not findings.unknown
        # as joblib wrote them before 1.2
        assert not read(b"\x80\x04]" + wrapper("f8", size) + content + b"a.").unsafe


POOL = b"cscipy._lib._util\nMapWrapper\n"
WRITES = b"cnumpy\nsavetxt\n"
DISTRIBUTION = b"cscipy.stats._continuous_distns\nnorm_gen\n)\x81"


@pytest.mark.parametrize(
    "instructions",
    [
        b"ccopyreg\n_reconstructor\n" + 2 * POOL + b"K\x03\x87R.",
        b"ccopy_reg\n_reconstructor\n" + 2 * b"cscipy.io._fortran\nFortranFile\n" + text("x") + b"\x87R.",
        # copyreg's functions with arguments that another call makes
        b"ccopyreg\n_reconstructor\ncbuiltins\ntuple\n](" + 2 * POOL + b"K\x03e\x85RR.",
        POOL + b"K\x03\x85R.",
        b"(" + POOL + b"K\x03o.",
        b"(K\x03i" + POOL[1:] + b".",
        # what scipy has imported calls what it is given
        b"cscipy.stats._resampling\naccumulate\n](K\x01K\x02e" + POOL + b"\x86\x81.",
        b"ccopyreg\n__newobj__\ncscipy.stats._resampling\naccumulate\n](K\x01K\x02e" + POOL + b"\x87R.",
        b"ccopyreg\n__newobj_ex__\ncscipy.stats._resampling\naccumulate\n]" + POOL + b"\x86}\x87R.",
        b"cscipy.stats._resampling\naccumulate\n]" + POOL + b"\x86}\x92.",
        b"cnumpy.random._pickle\n__generator_ctor\nK\x03" + POOL + b"\x86R.",
        b"cnumpy.random._pickle\n__generator_ctor\n" + text("x") + b"cfunctools\npartial\n" + WRITES + b"\x85R\x86R.",
        b"cnumpy.random._pickle\n__generator_ctor\n](K\x01K\x02e"
        b"cfunctools\npartial\ncbuiltins\nmax\n\x85}" + text("key") + POOL + b"s\x92\x86R.",
        b"csklearn.callback._transport\nListener\n)R.",
        # the states of distributions hold code, which setting them runs
        DISTRIBUTION + b"}" + text("_parse_arg_template") + text("import os") + b"sb.",
        DISTRIBUTION + b"](" + text("_parse_arg_template") + text("import os") + b"\x86eb.",
        DISTRIBUTION + text("_parse_arg_template") + text("import os") + b"\x86\x85b.",
    ],
)
def test_a_class_that_does_something_when_it_is_made_is_told(instructions: bytes) -> None:
    findings = read(b"\x80\x02" + instructions)
    assert findings.unsafe or findings.unknown


class Words(dict[str, int]):
    """Of protocols 0 and 1 the base is made with the state."""


class Count(int):
    pass


@pytest.mark.parametrize("protocol", range(6))
def test_classes_with_a_base_are_no_false_alarm(protocol: int) -> None:
    own = {f"{__name__}.{name}" for name in ("Words", "Count", "WithState")}
    findings = read(pickle.dumps([Words(a=1), Count(3), WithState({"a": 1})], protocol))
    assert not findings.unsafe and findings.unknown.keys() == own

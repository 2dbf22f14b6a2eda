"""What is known about imports and calls in pickles: unsafe, harmless, or nothing.

In the standard library everything is unsafe that pickles of data do not need, because much of it leads to running code,
to files or to the network. So do some names in other packages. For the packages that models are made of, it is also
known what their pickles call: classes, and a few functions. Nothing is known about the rest. There are no wildcards,
because a module also contains what it imports.
"""

import _compat_pickle
import sys


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BUILTINS = """bool bytearray bytes classmethod complex dict enumerate float frozenset int list object
property range reversed set slice staticmethod str tuple type zip Ellipsis NotImplemented len abs min max sum round"""
_ERRORS = " ".join(name for name in vars(__import__("builtins")) if name.endswith(("Error", "Exception", "Warning")))
_ARITHMETIC = """add sub mul truediv floordiv mod pow neg pos abs invert and_ or_ xor not_ eq ne lt le gt ge matmul
lshift rshift itemgetter"""
_MATHS = """ceil fabs floor fmod fsum isfinite isinf isnan trunc exp expm1 log log1p log2 log10 pow sqrt acos asin
atan atan2 cos hypot sin tan degrees radians cosh sinh tanh"""
_PATHS = "Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath"
_ADDRESSES = "IPv4Address IPv4Network IPv4Interface IPv6Address IPv6Network IPv6Interface"
_HARMLESS = {
    "builtins": f"{_BUILTINS} {_ERRORS}",
    "collections": "OrderedDict defaultdict deque Counter ChainMap UserDict UserList",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "_codecs": "encode",
    "codecs": "encode",
    "datetime": "datetime date time timedelta timezone",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    "decimal": "Decimal Context",
    "_decimal": "Decimal Context",
    "_pydecimal": "Decimal Context",
    "fractions": "Fraction",
    "math": _MATHS,
    "itertools": "count repeat chain",
    "functools": "partial",
    "_functools": "partial",
    "operator": _ARITHMETIC,
    "_operator": _ARITHMETIC,
    "uuid": "UUID SafeUUID",
    "array": "array _array_reconstructor",
    "random": "Random",
    "re": "_compile Pattern RegexFlag",
    "time": "struct_time",
    "types": "SimpleNamespace NoneType MappingProxyType GenericAlias UnionType",
    "typing": "Any Callable Dict FrozenSet Iterable List Mapping Optional Sequence Set Tuple Type Union",
    "io": "BytesIO StringIO",
    "_io": "BytesIO StringIO",
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "logging": "getLogger",
    "ipaddress": _ADDRESSES,
    "inspect": "Signature Parameter _ParameterKind _empty",
    "unicodedata": "normalize",
}
_ALLOWED = {module: _words(names) for module, names in _HARMLESS.items()}
# Modules of the standard library that this Python does not have (any more, or on this system).
_STANDARD = sys.stdlib_module_names | _words(
    """__builtin__ __builtins__ commands copy_reg cPickle httplib urllib2 urlparse asynchat asyncore binhex cgi
    distutils imp lib2to3 nt msvcrt winreg _winapi pipes smtpd telnetlib nntplib test"""
)
# Every name in these runs code, loads other pickles or libraries, or uses the network.
_MODULES = _words(
    """IPython aiohttp cloudpickle dask.distributed dill distributed fabric httpx jinja2 keras.saving keras.src.saving
    mako numpy.ctypeslib numpy.distutils numpy.f2py numpy.testing pandas.core.computation pandas.io paramiko pexpect pip
    pkg_resources plumbum psutil ptyprocess py pytest requests setuptools sh tornado torch._dynamo torch._inductor
    torch.fx.experimental torch.hub torch.package torch.utils._config_module torch.utils.bottleneck
    torch.utils.collect_env torch.utils.cpp_extension torch.utils.data.datapipes urllib3 _pytest"""
)
# The names in joblib that its own files use.
_WRAPPERS = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
# Unsafe in any package: ways to run code, and modules that a package has imported.
_NAMES = _words(
    """eval exec execfile system popen Popen getoutput getstatusoutput check_call check_output spawn run_module run_path
    import_module load_module exec_module load_source import_string import_object getattr attrgetter methodcaller
    load_library read_pickle load_model from_pickle load_pickle unpickle runstring execWrapper _load_from_bytes
    compile_file _ufunc_reconstruct memmap unsafe_load full_load sympify read_hdf
    os sys posix nt subprocess builtins importlib runpy shutil socket ctypes pickle cPickle _pickle marshal
    pty code codeop multiprocessing pdb pydoc webbrowser tempfile urllib"""
)
_LOADERS = frozenset({"load", "loads", "save", "dump"})
_LOADING_PACKAGES = frozenset({"numpy", "torch", "pandas", "sklearn", "xgboost", "lightgbm", "catboost", "keras"})


# Packages whose pickles are known: their objects are made without a call, and then get their state.
_KNOWN = _words("sklearn imblearn numpy scipy pandas xgboost lightgbm joblib torch")
# Packages whose classes are also called, and only store their arguments.
_PLAIN = frozenset({"sklearn", "imblearn"})
# Parts of these packages that models do not need.
_OTHERS = _words(
    """sklearn.callback sklearn.datasets sklearn.utils._testing sklearn.conftest sklearn.externals numpy.lib
    numpy.testing"""
)
_OPENERS = _words("Memory Parallel ExcelFile ExcelWriter HDFStore DataSource TemporaryDirectory NamedTemporaryFile")
_RECONSTRUCTORS = "_reconstruct scalar _frombuffer"
_STRINGS = "_convert_to_stringdtype_kwargs"
_OFFSETS = """BusinessDay BusinessHour BusinessMonthBegin BusinessMonthEnd BYearBegin BYearEnd BQuarterBegin BQuarterEnd
CustomBusinessDay CustomBusinessHour Day Easter Hour Micro Milli Minute MonthBegin MonthEnd Nano QuarterBegin QuarterEnd
Second SemiMonthBegin SemiMonthEnd Week WeekOfMonth LastWeekOfMonth YearBegin YearEnd _offset_unpickle"""
_CALLED = {
    "numpy": "dtype ndarray record recarray matrix chararray",
    "numpy._core._internal": _STRINGS,
    "numpy.char": "chararray",
    "numpy.core.defchararray": "chararray",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.core.multiarray": _RECONSTRUCTORS,
    "numpy._core.multiarray": _RECONSTRUCTORS,
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.random": "RandomState",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.ma.core": "_mareconstruct MaskedConstant mvoid",
    "numpy.rec": "recarray",
    "numpy.dtypes": "StringDType",
    "pandas": "StringDtype PeriodDtype CategoricalDtype IntervalDtype DatetimeTZDtype Interval Period",
    "pandas._libs.interval": "Interval",
    "pandas._libs.sparse": "IntIndex BlockIndex",
    "pandas._libs.tslibs.period": "Period",
    "pandas.core.indexes.timedeltas": "_new_TimedeltaIndex",
    "pandas._libs.internals": "_unpickle_block BlockPlacement BlockManager",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle",
    "pandas._libs.tslibs.nattype": "_nat_unpickle",
    "pandas._libs.tslibs.offsets": _OFFSETS,
    "pandas._libs.missing": "NAType",
    "pandas.core.indexes.base": "_new_Index",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex",
    "pandas.core.indexes.period": "_new_PeriodIndex",
    "pandas.core.indexes.interval": "_new_IntervalIndex",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.neighbors._dist_metrics": "newObj",
    "sklearn.metrics._dist_metrics": "newObj",
    "torch._utils": "_rebuild_tensor_v2 _rebuild_parameter",
    "torch.serialization": "_get_layout",
    "torch": "Size device",
}
_CALLS = {module: _words(names) for module, names in _CALLED.items()}


def is_known(module: str, name: str) -> bool:
    """Whether the import is known to be harmless as long as it is not called, or known to be unsafe."""
    module, name = _today(module, name)
    package = module.partition(".")[0]
    return package in _STANDARD or (package in _KNOWN and "." not in name)


def may_be_called(module: str, name: str) -> bool:
    """Whether calling it is known to be harmless."""
    module, name = _today(module, name)
    package = module.partition(".")[0]
    # In the standard library everything is either harmless or unsafe.
    if package in _STANDARD or name in _CALLS.get(module, ()):
        return True
    return _is_of_models(module, name) and (
        name.startswith("__pyx_unpickle_") or (package in _PLAIN and _is_class(name))
    )


def may_be_made(module: str, name: str, arguments: bool = False) -> bool:
    """Whether making an object of this class, without calling the class, is known to be harmless.

    With arguments it may not be: a class that a package has imported, such as itertools.accumulate, may call them.
    """
    if arguments:
        return may_be_given(module, name)
    module, name = _today(module, name)
    package = module.partition(".")[0]
    return package in _STANDARD or name in _CALLS.get(module, ()) or _is_of_models(module, name)


def calls_what_it_is_given(module: str, name: str) -> bool:
    """Whether it is known to call its arguments."""
    return module == "numpy.random._pickle"


def may_be_given(module: str, name: str) -> bool:
    """Whether it is known to be harmless as an argument of a function, which may call it."""
    module, name = _today(module, name)
    package = module.partition(".")[0]
    if package in _STANDARD or name in _CALLS.get(module, ()):
        return True
    return _is_of_models(module, name) and (_is_class(name) or name.startswith("__pyx_unpickle_"))


def _is_of_models(module: str, name: str) -> bool:
    return (
        module.partition(".")[0] in _KNOWN
        and "." not in name
        and name not in _OPENERS
        and not any(_is_in(module, other) for other in _OTHERS)
    )


def is_unsafe(module: str, name: str) -> bool:
    """Whether loading a pickle that imports this can do harm."""
    module, name = _today(module, name)
    package = module.partition(".")[0]
    if package in _STANDARD:
        return name not in _ALLOWED.get(module, frozenset())
    if package == "joblib":
        return name not in _WRAPPERS
    parts = name.split(".")
    return (
        any(part in _NAMES or _is_special(part) for part in parts)
        or (len(parts) > 1 and not _is_class(parts[0]))
        or any(_is_in(module, known) for known in _MODULES)
        or (package in _LOADING_PACKAGES and parts[-1] in _LOADERS)
    )


def _today(module: str, name: str) -> tuple[str, str]:
    """The name in Python 3 of what had another name in Python 2."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _is_class(part: str) -> bool:
    """Whether the name looks like a class of the package, and not like something in a module that it imports."""
    return part.lstrip("_")[:1].isupper()


def _is_special(part: str) -> bool:
    return part.startswith("__") and part.endswith("__")

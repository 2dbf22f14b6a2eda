"""Which imports make loading a pickle dangerous.

Of the standard library everything is refused that pickles of data do not need: much of it leads, by some way, to code
that is run, to files or to the network. Of other packages only what is known to do so is: models are made of theirs.
"""

import _compat_pickle
import sys


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BUILTINS = """bool bytearray bytes classmethod complex dict enumerate filter float frozenset int list map object
property range reversed set slice staticmethod str tuple type zip Ellipsis NotImplemented len abs min max sum round"""
_ERRORS = " ".join(name for name in vars(__import__("builtins")) if name.endswith(("Error", "Exception", "Warning")))
_ARITHMETIC = """add sub mul truediv floordiv mod pow neg pos abs invert and_ or_ xor not_ eq ne lt le gt ge matmul
lshift rshift itemgetter"""
_PATHS = "Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath"
# A name, or * for every one; attributes of these are other names.
_HARMLESS = {
    "builtins": f"{_BUILTINS} {_ERRORS}",
    "collections": "OrderedDict defaultdict deque Counter ChainMap UserDict UserList",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "_codecs": "encode",
    "codecs": "encode",
    "copy": "copy deepcopy",
    "datetime": "*",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    "decimal": "*",
    "_decimal": "*",
    "_pydecimal": "*",
    "fractions": "*",
    "numbers": "*",
    "math": "*",
    "cmath": "*",
    "statistics": "*",
    "itertools": "*",
    "functools": "partial",
    "_functools": "partial",
    "operator": _ARITHMETIC,
    "_operator": _ARITHMETIC,
    "uuid": "UUID SafeUUID",
    "enum": "*",
    "array": "array _array_reconstructor",
    "random": "Random",
    "re": "_compile Pattern RegexFlag",
    "string": "*",
    "time": "struct_time",
    "types": "SimpleNamespace NoneType MappingProxyType GenericAlias UnionType",
    "typing": "Any Callable Dict FrozenSet Iterable List Mapping Optional Sequence Set Tuple Type Union",
    "io": "BytesIO StringIO",
    "_io": "BytesIO StringIO",
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "logging": "getLogger",
    "ipaddress": "*",
    "inspect": "Signature Parameter _ParameterKind _empty",
    "json": "dumps loads",
    "hashlib": "*",
    "_hashlib": "*",
    "base64": "*",
    "binascii": "*",
    "zlib": "*",
    "bisect": "*",
    "_bisect": "*",
    "heapq": "*",
    "_heapq": "*",
    "unicodedata": "*",
    "html": "*",
    "__future__": "*",
}
_ALLOWED = {module: _words(names) for module, names in _HARMLESS.items()}
# Names of the standard library that this Python no longer has, or never had on this system.
_STANDARD = sys.stdlib_module_names | _words(
    """__builtin__ __builtins__ commands copy_reg cPickle httplib urllib2 urlparse asynchat asyncore binhex cgi
    distutils imp lib2to3 nt msvcrt winreg _winapi pipes smtpd telnetlib nntplib test"""
)
# These run code, load other pickles or libraries, or go to the network, whichever of their names is used.
_MODULES = _words(
    """IPython aiohttp cloudpickle dask.distributed dill distributed fabric httpx jinja2 keras.saving keras.src.saving
    mako numpy.ctypeslib numpy.distutils numpy.f2py numpy.testing pandas.core.computation pandas.io paramiko pexpect pip
    pkg_resources plumbum psutil ptyprocess py pytest requests setuptools sh tornado torch._dynamo torch._inductor
    torch.fx.experimental torch.hub torch.package torch.utils._config_module torch.utils.bottleneck
    torch.utils.collect_env torch.utils.cpp_extension torch.utils.data.datapipes urllib3 _pytest"""
)
# What of joblib its own files contain.
_WRAPPERS = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
# In any package: ways to code, and modules that a package has imported itself.
_NAMES = _words(
    """eval exec execfile system popen Popen getoutput getstatusoutput check_call check_output spawn run_module run_path
    import_module load_module exec_module load_source import_string import_object getattr attrgetter methodcaller
    load_library read_pickle load_model from_pickle load_pickle unpickle runstring execWrapper _load_from_bytes
    compile_file os sys posix nt subprocess builtins importlib runpy shutil socket ctypes pickle cPickle _pickle marshal
    pty code codeop multiprocessing pdb pydoc webbrowser tempfile urllib"""
)
_LOADERS = frozenset({"load", "loads", "save", "dump"})
_LOADING_PACKAGES = frozenset({"numpy", "torch", "pandas", "sklearn", "xgboost", "lightgbm", "catboost", "keras"})


def is_unsafe(module: str, name: str) -> bool:
    """Whether a pickle that imports this can do harm when it is loaded."""
    module, name = _today(module, name)
    package = module.partition(".")[0]
    if package in _STANDARD:
        allowed = _ALLOWED.get(module, frozenset())
        return name not in allowed and not ("*" in allowed and _is_own(name))
    if package == "joblib":
        return name not in _WRAPPERS
    parts = name.split(".")
    return (
        any(part in _NAMES or _is_special(part) for part in parts)
        or (len(parts) > 1 and not _is_class(parts[0]))
        or any(module == known or module.startswith(f"{known}.") for known in _MODULES)
        or (package in _LOADING_PACKAGES and parts[-1] in _LOADERS)
    )


def _today(module: str, name: str) -> tuple[str, str]:
    """Where Python 3 looks for what Python 2 had elsewhere."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def _is_own(name: str) -> bool:
    """Whether it may be a module's own, and not a part of something or another module that it imports."""
    return name.isidentifier() and name not in _NAMES and not _is_special(name)


def _is_class(part: str) -> bool:
    """As far as its name tells: what is inside of a module that was imported by another one is no part of that."""
    return part.lstrip("_")[:1].isupper()


def _is_special(part: str) -> bool:
    return part.startswith("__") and part.endswith("__")

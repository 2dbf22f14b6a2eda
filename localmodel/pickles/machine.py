"""Follows a pickle's instructions as loading would, but imports and calls nothing."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localmodel.pickles import arrays, hazards, templates
from localmodel.pickles.memo import Memo
from localmodel.pickles.opcodes import next_instruction
from localmodel.pickles.stream import Budget, Stream, UnreadablePickleError
from localmodel.pickles.values import UNKNOWN, Global, Made, StoredArray, Value

# The keys of states that matter here; a dictionary may have millions of others.
_KEPT_KEYS = frozenset({"_sklearn_version", templates.KEY, *arrays.KEYS})
# Of a list where lists are asked for.
_MOST_ITEMS = 10_000
# Arrays have no more dimensions, and states of a dtype no more items.
_LONGEST_TUPLE = 64
_MOST_GLOBALS = 2000
# How many instructions of an array's bytes are followed, as pickle.load would.
_FEW = 10_000
_BETWEEN_CHECKS = 4096
_VERSION = re.compile(r"\d{1,6}(\.\w{1,20}){1,5}(\+[\w.]{1,40})?")
_COMPUTED = "something whose name is known only when it runs"
_RESULT = "a call of what another call has made"
_KEEPERS = {Global(module, "partial") for module in ("functools", "_functools")}
_CLASS_MAKERS = {Global(module, "type") for module in ("builtins", "__builtin__")}
_MAKERS = {Global(module, "__newobj__") for module in ("copyreg", "copy_reg")}
_MAKERS_WITH_NAMES = {Global(module, "__newobj_ex__") for module in ("copyreg", "copy_reg")}
_RECONSTRUCTORS = {Global(module, "_reconstructor") for module in ("copyreg", "copy_reg")}
_OBJECTS = {Global(module, "object") for module in ("builtins", "__builtin__")}
_HIDDEN = "a call with arguments that are known only when it runs"


@dataclass
class Findings:
    """What one file names. `unsafe` and `unknown` (not known to be harmless) are descriptions.

    `called` says that something unsafe is called, not only named. The dictionaries without values are sets in the
    order of the file.
    """

    protocol: int = 0
    globals: dict[Global, None] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    unsafe: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    called: bool = False
    arrays: int = 0


def follow(stream: Stream, findings: Findings, joblib: bool = True, attributes: frozenset[str] | None = None) -> Value:
    """Read one pickle to its STOP. With `joblib`, array bytes lie between instructions as joblib writes them.

    Returns what stands for the object. With `attributes`, those of all states are kept, and the items of lists.
    Findings before an error are kept, because loading would have run that part.

    Raises:
        UnreadablePickleError: the bytes are not a pickle, or the limits are reached.
    """
    return _Machine(stream, findings, joblib, attributes).run()


class _Machine:
    def __init__(
        self, stream: Stream, findings: Findings, joblib: bool, attributes: frozenset[str] | None = None
    ) -> None:
        self._stream = stream
        self._findings = findings
        self._joblib = joblib
        self._attributes = attributes
        self._keys = _KEPT_KEYS | (attributes or frozenset())
        self._stack: list[Value] = []
        self._below: list[list[Value]] = []
        self._memo = Memo()
        self._frame_end = 0
        self._computed = False

    def run(self) -> Value:
        budget = self._stream.budget
        while True:
            budget.check()
            for _ in range(_BETWEEN_CHECKS):
                budget.operations -= 1
                name, argument = next_instruction(self._stream)
                if name == "STOP":
                    return self._pop()
                _ACTIONS[name](self, argument)

    def _pop(self) -> Value:
        if not self._stack:
            raise UnreadablePickleError(f"not a whole pickle: nothing to take at byte {self._stream.position}")
        return self._stack.pop()

    def _top(self) -> Value:
        if not self._stack:
            raise UnreadablePickleError(f"not a whole pickle: nothing to change at byte {self._stream.position}")
        return self._stack[-1]

    def _since_mark(self) -> list[Value]:
        if not self._below:
            raise UnreadablePickleError(f"not a whole pickle: no MARK before byte {self._stream.position}")
        items, self._stack = self._stack, self._below.pop()
        return items

    # Constants and containers

    def push(self, argument: Value) -> None:
        self._stack.append(argument)

    def push_unknown(self, argument: Value) -> None:
        self._stack.append(UNKNOWN)

    def push_none(self, argument: Value) -> None:
        self._stack.append(None)

    def push_list(self, argument: Value) -> None:
        self._stack.append(UNKNOWN if self._attributes is None else [])

    def push_dict(self, argument: Value) -> None:
        self._stack.append({})

    def mark(self, argument: Value) -> None:
        self._below.append(self._stack)
        self._stack = []

    def pop(self, argument: Value) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def pop_mark(self, argument: Value) -> None:
        self._since_mark()

    def duplicate(self, argument: Value) -> None:
        self._stack.append(self._top())

    def make_tuple(self, argument: Value) -> None:
        items = self._since_mark()
        self._stack.append(tuple(items) if len(items) <= _LONGEST_TUPLE else UNKNOWN)

    def tuple_of(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def make_unknown(self, argument: Value) -> None:
        self._since_mark()
        self._stack.append(UNKNOWN)

    def make_list(self, argument: Value) -> None:
        items = self._since_mark()
        self.push_list(argument)
        self._extend(items)

    def make_dict(self, argument: Value) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._set(items)

    def add(self, argument: Value) -> None:
        item = self._pop()
        self._extend([item])

    def add_all(self, argument: Value) -> None:
        items = self._since_mark()
        self._extend(items)

    def _extend(self, items: list[Value]) -> None:
        into = self._top()
        if isinstance(into, list):
            into.extend(items[: max(0, _MOST_ITEMS - len(into))])

    def set_item(self, argument: Value) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def set_items(self, argument: Value) -> None:
        self._set(self._since_mark())

    def _set(self, items: list[Value]) -> None:
        into = self._top()
        if isinstance(into, dict):
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, str) and key in self._keys:
                    into[key] = value
                elif isinstance(key, Made):
                    into[UNKNOWN] = UNKNOWN

    # The memo

    def put(self, index: Value) -> None:
        self._memo.put(index, self._top())

    def memoize(self, argument: Value) -> None:
        self._memo.put(len(self._memo), self._top())

    def get(self, index: Value) -> None:
        self._stack.append(self._memo.get(index))

    # What is imported, called and changed

    def import_named(self, argument: Value) -> None:
        self._import(*argument)

    def import_from_stack(self, argument: Value) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(name, str) and isinstance(module, str):
            self._import(module, name)
        else:
            self._computed |= isinstance(name, Made) or isinstance(module, Made)
            self._distrust(_COMPUTED)
            self._stack.append(UNKNOWN)

    def _import(self, module: str, name: str) -> None:
        imported = Global(module, name)
        if imported not in self._findings.globals:
            if len(self._findings.globals) >= _MOST_GLOBALS:
                raise UnreadablePickleError(f"it imports more than {_MOST_GLOBALS} different things")
            self._findings.globals[imported] = None
            if hazards.is_unsafe(module, name):
                self._findings.unsafe[str(imported)] = None
            elif not hazards.is_known(module, name):
                self._findings.unknown[str(imported)] = None
        self._stack.append(imported)

    def extension(self, code: Value) -> None:
        self._distrust(f"extension {code} of the copyreg module")
        self._stack.append(UNKNOWN)

    def call(self, argument: Value) -> None:
        arguments, of = self._pop(), self._pop()
        self._call(of, arguments)

    def make_new(self, argument: Value) -> None:
        arguments, of = self._pop(), self._pop()
        self._call(of, arguments, new=True)

    def make_new_with_names(self, argument: Value) -> None:
        named, arguments, of = self._pop(), self._pop(), self._pop()
        self._make_with_names(of, arguments, named)

    def call_since_mark(self, argument: Value) -> None:
        items = self._since_mark()
        if not items:
            raise UnreadablePickleError(f"not a whole pickle: nothing to call at byte {self._stream.position}")
        self._call(items[0], tuple(items[1:_LONGEST_TUPLE]))

    def call_named(self, argument: Value) -> None:
        items = self._since_mark()
        self._import(*argument)
        self._call(self._stack.pop(), tuple(items[:_LONGEST_TUPLE]))

    def _call(self, of: Value, arguments: Value, new: bool = False) -> None:
        if not isinstance(arguments, tuple):
            self._findings.unknown[_HIDDEN] = None
            self._stack.append(Made(of, arguments))
        elif _is(of, _MAKERS) and arguments:
            self._call(arguments[0], arguments[1:], new=True)
        elif _is(of, _MAKERS_WITH_NAMES) and len(arguments) == 3:
            self._make_with_names(*arguments)
        elif _is(of, _RECONSTRUCTORS) and len(arguments) == 3:
            self._reconstruct(*arguments)
        else:
            self._judge(of, arguments, new)
            self._stack.append(Made(of, arguments))

    def _judge(self, of: Value, arguments: tuple[Value, ...], new: bool) -> None:
        if not isinstance(of, Global):
            self._findings.unknown[_RESULT] = None
        elif str(of) in self._findings.unsafe:
            self._findings.called = True
        elif not (hazards.may_be_made(*of, bool(arguments)) if new else hazards.may_be_called(*of)):
            self._findings.unknown[str(of)] = None
        elif of in _CLASS_MAKERS and len(arguments) != 1:
            self._distrust(f"a class that {of} makes")
        elif of not in _KEEPERS:
            self._look_into(arguments, called=hazards.calls_what_it_is_given(*of))

    def _make_with_names(self, of: Value, arguments: Value, named: Value) -> None:
        self._call(of, (*arguments, named) if isinstance(arguments, tuple) else arguments, new=True)

    def _reconstruct(self, of: Value, base: Value, state: Value) -> None:
        """Judge copyreg's call of the base's `__new__` and `__init__` with the state, unless the base is `object`."""
        if not _is(base, _OBJECTS):
            self._call(base, (state,))
            self._pop()
        self._call(of, (), new=True)

    def _look_into(self, arguments: Value, called: bool = False) -> None:
        """Judge the arguments of a call, which may call them; with `called`, it does."""
        if isinstance(arguments, Global):
            harmless = hazards.may_be_called if called else hazards.may_be_given
            if str(arguments) not in self._findings.unsafe and not harmless(*arguments):
                self._findings.unknown[str(arguments)] = None
        elif isinstance(arguments, tuple):
            for argument in arguments:
                self._look_into(argument, called)
        elif isinstance(arguments, Made) and _is(arguments.of, _KEEPERS):
            self._look_into((arguments.arguments, arguments.state), called=True)
        elif called and isinstance(arguments, Made | dict) and not _is_generator(arguments):
            # Not every item of a dictionary is kept.
            self._findings.unknown[_RESULT] = None

    def build(self, argument: Value) -> None:
        state, built = self._pop(), self._top()
        if isinstance(built, Global):
            self._distrust(f"a change of {built} itself")
        if not isinstance(built, Made):
            return
        built.state = state
        if what := templates.hazard(state, self._findings.globals):
            self._distrust(what)
        if isinstance(version := _attributes(state).get("_sklearn_version"), str) and _VERSION.fullmatch(version):
            self._findings.versions["scikit-learn"] = version
        if self._joblib and built.of == arrays.WRAPPER:
            wrapper = _attributes(state)
            shape = wrapper.get("shape")
            code = arrays.code(wrapper.get("dtype"))
            self._stack[-1] = StoredArray(code, shape) if arrays.is_shape(shape) else UNKNOWN
            self._pass_array(wrapper)

    def _distrust(self, what: str) -> None:
        self._findings.unsafe[what] = None
        self._findings.called = True

    def _pass_array(self, wrapper: dict[str, Value]) -> None:
        # joblib reads the array after the frame, wherever its instructions are in the frame.
        if self._frame_end > self._stream.position:
            raise UnreadablePickleError(
                f"an array at byte {self._stream.position} lies in a frame, where joblib writes none"
            )
        self._findings.arrays += 1
        if arrays.is_pickled(wrapper):
            array = follow(self._stream, self._findings, joblib=False, attributes=self._attributes)
            if self._attributes is not None:
                self._stack[-1] = array
        else:
            if content := arrays.skip(wrapper, self._stream):
                self._follow_bytes(content)

    def _follow_bytes(self, content: bytes) -> None:
        """Follow an array's bytes up to an invalid one, because pickle.load takes them for instructions."""
        other = _Machine(Stream(_file(content), len(content), Budget(_FEW)), Findings(), joblib=False)
        other._stack = self._stack[-_FEW:]
        other._below = [stack[-_FEW:] for stack in self._below[-_FEW:]]
        other._memo = Memo(self._memo)
        try:
            other.run()
            ends = ""
        except UnreadablePickleError as error:
            ends = str(error)
        imported = [".".join(name) for name in other._findings.globals]
        if any(all(map(str.isidentifier, name.split("."))) for name in imported) or other._computed:
            self._distrust("instructions in the bytes of an array")
        elif " ends " in ends or "than is looked at" in ends or ("nothing to" in ends and len(self._stack) > _FEW):
            self._findings.unknown["bytes of an array that may be instructions"] = None

    def protocol(self, number: Value) -> None:
        if number > 5:
            raise UnreadablePickleError(f"its pickle protocol is {number}; known are those up to 5")
        # A pickle inside another one, for an array of objects, has its own protocol.
        if self._joblib:
            self._findings.protocol = max(self._findings.protocol, number)

    def frame(self, length: Value) -> None:
        self._frame_end = self._stream.position + length

    def replace_by_unknown(self, argument: Value) -> None:
        self._pop()
        self._stack.append(UNKNOWN)

    def nothing(self, argument: Value) -> None:
        pass


def _file(content: bytes) -> Any:
    return io.BufferedReader(io.BytesIO(content))


def _is(value: Value, of: set[Global]) -> bool:
    return isinstance(value, Global) and value in of


def _is_generator(value: Value) -> bool:
    return isinstance(value, Made) and isinstance(value.of, Global) and hazards.calls_what_it_is_given(*value.of)


def _attributes(state: Value) -> dict[str, Any]:
    """The attributes that a state sets: a dictionary, or a pair with a second one for the slots."""
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}


_M = _Machine
_ACTIONS: dict[str, Callable[[_Machine, Value], None]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _M.push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE"), _M.push),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _M.push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _M.push),
    "NEXT_BUFFER": _M.push_unknown,
    **dict.fromkeys(("FLOAT", "BINFLOAT", "NEWTRUE", "NEWFALSE", "EMPTY_SET", "PERSID"), _M.push_unknown),
    "EMPTY_LIST": _M.push_list,
    **{"NONE": _M.push_none, "EMPTY_DICT": _M.push_dict, "EMPTY_TUPLE": lambda machine, _: machine.push(())},
    **{"MARK": _M.mark, "POP": _M.pop, "POP_MARK": _M.pop_mark, "DUP": _M.duplicate},
    **{"TUPLE": _M.make_tuple, "LIST": _M.make_list, "FROZENSET": _M.make_unknown, "DICT": _M.make_dict},
    **{"TUPLE1": lambda machine, _: machine.tuple_of(1), "TUPLE2": lambda machine, _: machine.tuple_of(2)},
    **{"TUPLE3": lambda machine, _: machine.tuple_of(3)},
    **{"APPEND": _M.add, "APPENDS": _M.add_all, "ADDITEMS": _M.add_all},
    **{"SETITEM": _M.set_item, "SETITEMS": _M.set_items},
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _M.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _M.get),
    **{"MEMOIZE": _M.memoize, "GLOBAL": _M.import_named, "STACK_GLOBAL": _M.import_from_stack},
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _M.extension),
    **{"REDUCE": _M.call, "NEWOBJ": _M.make_new, "NEWOBJ_EX": _M.make_new_with_names},
    **{"OBJ": _M.call_since_mark, "INST": _M.call_named, "BUILD": _M.build},
    **{"PROTO": _M.protocol, "FRAME": _M.frame, "READONLY_BUFFER": _M.nothing},
    **{"BINPERSID": _M.replace_by_unknown},
}

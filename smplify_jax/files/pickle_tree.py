"""Read a pickle's opcodes into an inert tree: nothing that the file names is imported or called.

Python's own unpickler calls whatever a file asks for as it reads. Here a class is only a `Reference` to its name, and a
call only a `Node` with that reference and its arguments; `pickle_values` turns the few admitted ones into numpy values
afterwards. The alternative was the standard unpickler with its own `find_class`: its memo table grows to whatever index
four bytes of a damaged file ask for, and a file can alter the very classes it is given (by BUILD).

Source: the opcode definitions of Python's module `pickletools`.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import warnings
from collections.abc import Callable

from smplify_jax.errors import InputError
from smplify_jax.files.budget import check_time
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node, PersistentId, Reference, check_key

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_HIGHEST_PROTOCOL = 5


_MARK = object()
_MAX_TUPLE_KEYS = 1000
"""Python hashes tuples alike in every process: with many, a file could choose keys that all collide."""

_OPCODES_AT_A_TIME = 4096
"""What is read between two looks at the clock."""


ReadAttached = Callable[[Node, io.BytesIO, Callable[[], object]], None]
"""Reads what lies behind an object's state: of the object, the stream, and a function that reads a pickle from there."""


def read_tree(
    stream: io.BytesIO,
    admit: Callable[[Reference], None],
    read_attached: ReadAttached,
    persistent_ids: list[PersistentId] | None = None,
) -> object:
    """Read a pickle of protocol 0 to 5 into lists, dicts, strings, numbers, `Reference`, `Node` and `PersistentId`.

    Python 2 byte strings become str by latin-1, so that array data survives.

    Args:
        stream: At the pickle's beginning; it is left at its end.
        admit: Called with every class or function the file names, used or not; raises to refuse it.
        read_attached: Called with every object that was given its state.
        persistent_ids: Collects them; None refuses them.
    Returns:
        The tree's root.
    Raises:
        InputError: From `admit`, or because the file asks for something outside itself.
        DamagedPickleError: The bytes are no complete pickle.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # unknown escapes in strings stay as they are
        return _Machine(stream, admit, read_attached, persistent_ids).run()


def _read_quoted_line(stream: io.BytesIO) -> str:
    """Read the argument of STRING, a quoted Python 2 string.

    The reader of `pickletools` takes ASCII only, and array data is any byte.
    """
    line = stream.readline()
    text = line.strip()
    if not line.endswith(b"\n") or len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise DamagedPickleError("a string is not closed")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")


class _Machine:
    """The pickle stack machine, building an inert tree."""

    def __init__(
        self,
        stream: io.BytesIO,
        admit: Callable[[Reference], None],
        read_attached: ReadAttached,
        persistent_ids: list[PersistentId] | None,
    ) -> None:
        self.stream = stream
        self.admit = admit
        self.read_attached = read_attached
        self.persistent_ids = persistent_ids
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.num_tuple_keys = 0

    def run(self) -> object:
        while True:
            check_time()
            for _ in range(_OPCODES_AT_A_TIME):
                code = self.stream.read(1)
                opcode = _OPCODES.get(code)
                if opcode is None:
                    raise DamagedPickleError("it ends too early" if not code else "an opcode is unknown")
                if opcode.name == "STOP":
                    return self.pop()
                argument = None
                if opcode.name == "STRING":
                    argument = _read_quoted_line(self.stream)
                elif opcode.arg is not None:
                    argument = opcode.arg.reader(self.stream)
                _ACTIONS[opcode.name](self, argument)

    def pop(self) -> object:
        value = self.stack.pop()
        if value is _MARK:
            raise DamagedPickleError("a mark stands where a value should")
        return value

    def top(self) -> object:
        self.push(self.pop())
        return self.stack[-1]

    def pop_to_mark(self) -> list:
        for start in range(len(self.stack) - 1, -1, -1):
            if self.stack[start] is _MARK:
                values = self.stack[start + 1 :]
                del self.stack[start:]
                return values
        raise DamagedPickleError("a mark is missing")

    def pop_tuple(self, length: int) -> tuple:
        return tuple(reversed([self.pop() for _ in range(length)]))

    def key(self, value: object) -> object:
        """A dict key or set member, checked."""
        check_key(value)
        self.num_tuple_keys += isinstance(value, tuple)
        if self.num_tuple_keys > _MAX_TUPLE_KEYS:
            raise DamagedPickleError(f"more than {_MAX_TUPLE_KEYS} dict keys or set members are tuples")
        return value

    def pairs(self, values: list) -> list[tuple]:
        """Keys and values in turn as pairs."""
        if len(values) % 2:
            raise DamagedPickleError("a dict has a key without a value")
        return [(self.key(key), value) for key, value in zip(values[::2], values[1::2], strict=True)]

    def push(self, value: object) -> None:
        self.stack.append(value)

    def discard(self, _: object) -> None:
        self.stack.pop()

    def check_protocol(self, protocol: object) -> None:
        if not isinstance(protocol, int) or protocol > _HIGHEST_PROTOCOL:
            raise DamagedPickleError(f"protocol {protocol} is unknown")

    def store(self, index: object) -> None:
        self.memo[int(index)] = self.top()  # pyright: ignore[reportArgumentType]

    def recall(self, index: object) -> None:
        self.push(self.memo[int(index)])  # pyright: ignore[reportArgumentType]

    def reference(self, module: str, name: str) -> Reference:
        reference = Reference(module, name)
        self.admit(reference)
        return reference

    def push_global(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        self.push(self.reference(module, name))

    def push_stack_global(self, _: object) -> None:
        module, name = self.pop_tuple(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedPickleError("a class name is no string")
        self.push(self.reference(module, name))

    def push_node(self, target: object, args: object) -> None:
        if not isinstance(target, Reference) or not isinstance(args, tuple):
            raise DamagedPickleError("it calls something that is not a named class")
        self.push(Node(target, args))

    def reduce(self, _: object) -> None:
        target, args = self.pop_tuple(2)
        self.push_node(target, args)

    def new_with_keywords(self, _: object) -> None:
        target, args, keywords = self.pop_tuple(3)
        if keywords != {}:
            raise DamagedPickleError("an object is made with keyword arguments")
        self.push_node(target, args)

    def old_style_object(self, _: object) -> None:
        target, *args = self.pop_to_mark()
        self.push_node(target, tuple(args))

    def old_style_instance(self, argument: object) -> None:
        args = tuple(self.pop_to_mark())
        self.push_global(argument)
        self.push_node(self.pop(), args)

    def build(self, _: object) -> None:
        state = self.pop()
        node = self.top()
        if not isinstance(node, Node):
            raise DamagedPickleError("it gives a state to something that is not an object")
        node.states.append(state)
        self.read_attached(node, self.stream, self.run_behind)

    def run_behind(self) -> object:
        """The pickle that lies where the stream is."""
        return _Machine(self.stream, self.admit, self.read_attached, self.persistent_ids).run()

    def push_persistent_id(self, _: object) -> None:
        value = self.pop()
        if self.persistent_ids is None:
            _refuse("a persistent id")(self, None)
        else:
            self.push(PersistentId(value))
            self.persistent_ids.append(self.stack[-1])

    def extend(self, values: list) -> None:
        target = self.top()
        if isinstance(target, Node):
            target.items.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise DamagedPickleError("it appends to something that is not a list")

    def add(self, values: list) -> None:
        target = self.top()
        if not isinstance(target, set):
            raise DamagedPickleError("it adds to something that is not a set")
        target.update(map(self.key, values))

    def set_items(self, values: list) -> None:
        target = self.top()
        pairs = self.pairs(values)
        if isinstance(target, Node):
            target.pairs.extend(pairs)
        elif isinstance(target, dict):
            target.update(pairs)
        else:
            raise DamagedPickleError("it sets items of something that is not a dict")


def _refuse(what: str) -> Callable[[_Machine, object], None]:
    def action(machine: _Machine, argument: object) -> None:
        raise InputError(f"the pickle uses {what}, which lies outside the file; nothing was executed")

    return action


def _pushes(make: Callable[[], object]) -> Callable[[_Machine, object], None]:
    return lambda machine, _: machine.push(make())


_Action = Callable[[_Machine, object], None]
_LITERALS = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)

_ACTIONS: dict[str, _Action] = {
    **dict.fromkeys(_LITERALS, _Machine.push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.store),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "PERSID": _refuse("a persistent id"),
    "BINPERSID": _Machine.push_persistent_id,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refuse("an extension code")),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _refuse("an out-of-band buffer")),
    "MEMOIZE": lambda machine, _: machine.store(len(machine.memo)),
    "PROTO": _Machine.check_protocol,
    "FRAME": lambda machine, _: None,
    "MARK": _pushes(lambda: _MARK),
    "POP": _Machine.discard,
    "POP_MARK": lambda machine, _: machine.pop_to_mark().clear(),
    "DUP": lambda machine, _: machine.push(machine.top()),
    "NONE": _pushes(lambda: None),
    "NEWTRUE": _pushes(lambda: True),
    "NEWFALSE": _pushes(lambda: False),
    "EMPTY_LIST": _pushes(list),
    "EMPTY_TUPLE": _pushes(tuple),
    "EMPTY_DICT": _pushes(dict),
    "EMPTY_SET": _pushes(set),
    "LIST": lambda machine, _: machine.push(machine.pop_to_mark()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop_tuple(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop_tuple(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop_tuple(3)),
    "DICT": lambda machine, _: machine.push(dict(machine.pairs(machine.pop_to_mark()))),
    "FROZENSET": lambda machine, _: machine.push(set(map(machine.key, machine.pop_to_mark()))),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "ADDITEMS": lambda machine, _: machine.add(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items(list(machine.pop_tuple(2))),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": _Machine.push_global,
    "STACK_GLOBAL": _Machine.push_stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.new_with_keywords,
    "OBJ": _Machine.old_style_object,
    "INST": _Machine.old_style_instance,
    "BUILD": _Machine.build,
}

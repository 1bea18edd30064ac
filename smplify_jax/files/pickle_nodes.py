"""What the tree of a pickle is made of, besides lists, dicts, strings and numbers; nothing that the file names is imported or called."""

from __future__ import annotations

from dataclasses import dataclass, field


class DamagedPickleError(Exception):
    """The bytes are no complete pickle."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A class or function by name, not imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, eq=False)
class PersistentId:
    """A name of something outside of the pickle, as the file writes it: of a storage of torch, see `torch_tensors`."""

    value: object


@dataclass(eq=False)
class Node:
    """An object that the file wants built: what it would call, with which arguments, and what it would then put in.

    `attached` is what lies behind the object's state outside of the pickle's grammar (see `joblib_arrays`).
    """

    target: Reference
    args: tuple
    states: list = field(default_factory=list)
    items: list = field(default_factory=list)
    pairs: list = field(default_factory=list)
    attached: object = None

    @property
    def state(self) -> object:
        """The object's state, None if the file gives none; a second one is damage."""
        if len(self.states) > 1:
            raise DamagedPickleError("an object is given two states")
        return self.states[0] if self.states else None


_SCALAR_TYPES = (str, bytes, int, float, type(None), Node)
_MAX_KEY_BITS = 64
_MAX_KEY_PARTS = 8
"""Python hashes whole numbers and tuples alike in every process: with large ones, a file could choose keys that all collide."""


def check_key(value: object) -> None:
    """Check that a dict key or set member is cheap to hash: hashing deeply nested tuples overflows the C stack.

    Raises:
        DamagedPickleError: it is not.
    """
    flat = value if isinstance(value, tuple) else (value,)
    if len(flat) > _MAX_KEY_PARTS or not all(isinstance(part, _SCALAR_TYPES) for part in flat):
        raise DamagedPickleError("a dict key or set member is neither a string nor a number")
    if any(isinstance(part, int) and part.bit_length() > _MAX_KEY_BITS for part in flat):
        raise DamagedPickleError(f"a dict key or set member is a whole number of more than {_MAX_KEY_BITS} bits")

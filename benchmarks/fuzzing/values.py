"""Changes of values: of trees as JSON has them, and of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fuzzing.choices import Choices

_TEXTS = (
    "",
    "0",
    "1.5",
    "nan",
    "-inf",
    "1e999",
    "None",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "\u202eabc",
    "../../x",
    "/etc/passwd",
    "a" * 5000,
    "=1+1",
    "<b>",
    "coco17",
)
_NUMBERS = (0, -1, 1, 2, 17, 0.5, -0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e38, 4e38, 1e-45)
_INTEGERS = (255, 256, 2**31, -(2**31) - 1, 2**32, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, -(10**400))
_OTHERS = (None, True, False, [], {}, [[]], [None] * 3, [0], {"x": 1}, [0] * 51, [[1, 2, 3]] * 17)

_MAX_DEPTH = 3000


def hostile_value(choices: Choices) -> Any:
    """A value that a careless reader does not expect."""
    kind = choices.below(5)
    if kind == 4:
        value: Any = 0
        for _ in range(choices.pick((3, 65, 300, _MAX_DEPTH))):
            value = [value] if choices.one_in(2) else {"keypoints": value}
        return value
    return choices.pick((_NUMBERS, _INTEGERS, _TEXTS, _OTHERS)[kind])


def change_tree(tree: Any, choices: Choices) -> Any:
    """A copy of a tree with something else in one place."""
    if not isinstance(tree, (dict, list)) or not tree or choices.one_in(8):
        return _change_value(tree, choices)
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    key = choices.pick(keys)
    changed: Any = tree.copy()
    change = choices.below(16)
    if change == 15:
        del changed[key]
    elif change == 14:
        changed[choices.pick(keys)] = tree[key]
    elif change == 13 and isinstance(changed, dict):
        changed[choices.pick((*_TEXTS, *keys))] = changed.pop(key)
    elif change == 13:
        changed.extend(changed[: 1 + choices.below(16)])
    else:
        changed[key] = change_tree(tree[key], choices)
    return changed


def _change_value(value: Any, choices: Choices) -> Any:
    change = choices.below(8)
    if change == 1:
        return [value]
    if change == 2:
        return {"0": value}
    if change == 3:
        return [value] * choices.pick((2, 17, 2 if isinstance(value, (dict, list)) else 4000))
    if change == 4 and isinstance(value, (int, float)):
        return value * choices.pick((-1, 0.01, 1000, 1e30))
    if change == 4 and isinstance(value, str):
        return value[: choices.below(len(value) + 1)] + choices.pick(_TEXTS)
    if change == 5:
        return str(value)
    return hostile_value(choices)


def _with_one(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = np.array(array)
        if array.size and array.dtype.kind in "biuf":
            array.reshape(-1)[array.size // 2] = np.asarray(value).astype(array.dtype)
        return array

    return change


_WITH_NAN, _WITH_INFINITY = _with_one(np.nan), _with_one(np.inf)

_ARRAY_CHANGES: tuple[Callable[[np.ndarray], Any], ...] = (
    lambda a: _WITH_NAN(a.astype(np.float32) if a.dtype.kind in "iu" else a),
    lambda a: _WITH_INFINITY(a.astype(np.float64) if a.dtype.kind in "iu" else a),
    _with_one(-1),
    _with_one(2**40),
    np.zeros_like,
    lambda a: np.full(a.shape, 1e300),
    lambda a: np.full(a.shape, -1e38, np.float32),
    lambda a: np.full(a.shape, 2**63, np.uint64),
    lambda a: np.full(a.shape, "1.5"),
    lambda a: np.full(a.shape, "\ud800"),
    lambda a: np.full(a.shape, b"\xff"),
    lambda a: np.full(a.shape, ""),
    lambda a: a.astype(np.complex64) if a.dtype.kind in "biuf" else a,
    lambda a: np.ones(a.shape, bool),
    lambda a: np.full(a.shape, None, object),
    lambda a: np.full(a.shape, 1.5, object),
    lambda a: np.array({"a": 1}, object),
    lambda a: np.array(1.0),
    lambda a: a[:0] if a.ndim else np.zeros(0, a.dtype),
    lambda a: a[:-1] if a.ndim else a,
    lambda a: np.concatenate([a, a[:1]]) if a.ndim else np.stack([a, a]),
    lambda a: a[..., :-1] if a.ndim else a,
    lambda a: a[None],
    lambda a: a[..., None],
    lambda a: a.T,
    lambda a: a[::-1] if a.ndim else a,
    lambda a: a.astype(a.dtype.newbyteorder(">")),
    lambda a: a.astype(np.float16) if a.dtype.kind in "fiu" else a,
    lambda a: a.astype(np.longdouble) if a.dtype.kind in "fiu" else a,
    lambda a: -a if a.dtype.kind in "fi" else a,
    lambda a: a * 1000 if a.dtype.kind in "f" else a,
    lambda a: np.full(a.shape, "2020-01-01", "M8[D]"),
    lambda a: np.zeros(a.shape, [("a", "f4"), ("b", "i2")]),
    lambda a: np.zeros((0, 10**6)),
    lambda a: np.zeros((1,) * 20),
)


def change_array(value: Any, choices: Choices) -> Any:
    """An array with other numbers, of another type or shape, or something else altogether."""
    array = np.asarray(value)
    if choices.one_in(8):
        return np.array(hostile_value(choices), object)
    with np.errstate(all="ignore"):
        return choices.pick(_ARRAY_CHANGES)(array)


def change_arrays(arrays: dict[str, Any], choices: Choices) -> dict[str, Any]:
    """A copy of named arrays in which one or two are changed, renamed or left out."""
    changed = dict(arrays)
    for _ in range(1 + choices.below(3)):
        if not changed:
            break
        name = choices.pick(sorted(changed))
        change = choices.below(10)
        if change == 9:
            del changed[name]
        elif change == 8:
            changed[choices.pick(sorted(arrays))] = changed[name]
        elif change == 7:
            changed[choices.pick(("../x", "a" * 300, "\u202e", "pose", "part", "keypoints"))] = changed.pop(name)
        else:
            changed[name] = change_array(changed[name], choices)
    return changed

"""Read the YAML that OpenCV's FileStorage writes: nested names, lists, numbers, texts and matrices; nothing else of YAML.

    %YAML:1.0
    ---
    names:
       - "01"
    K_01: !!opencv-matrix
       rows: 3
       cols: 3
       dt: d
       data: [ 1681.2, 0., 533., 0., 1681.1, 948.1, 0., 0., 1. ]

Anchors, tags that make objects and texts over several lines are refused. The JSON of FileStorage has the same matrices, marked by
`type_id`; `with_matrices` makes arrays of both.
Source: OpenCV's documentation, "XML/YAML/JSON file storages".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import check_limit
from smplify_jax.files.printable import printable

_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"\s*|'[^']*'\s*|[^\s:#"'\[\]{},&*!-][^:#]*):(?:\s+(.*))?""", re.DOTALL)
_TAG = re.compile(r"!!?[\w:.,/-]*\s*")
_TOKEN = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[\[\]{},]|:(?=\s|$)|[^\s\[\]{},"']+)""")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")  # 01 is a name
_SPECIAL = {".nan": np.nan, ".inf": np.inf, "-.inf": -np.inf, "+.inf": np.inf}
_WORDS = {"true": True, "false": False, "null": None, "~": None}
_COMMENT = re.compile(r"""((?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*'|(?<=[^\s])#)*)(?:#.*)?""", re.DOTALL)


def parse_opencv_yaml(text: str) -> dict[str, Any]:
    """What the text holds, with matrices as arrays.

    Raises:
        InputError: it is cut off, damaged, or uses more of YAML than OpenCV does; the end of a sentence about the file.
    """
    lines = _Lines(text)
    if not lines.left:
        raise InputError("it holds nothing")
    tree = _block(lines, 0)
    if lines.left:
        raise _damaged(lines)
    if not isinstance(tree, dict):
        raise InputError("it is a list, where names with values were expected")
    return with_matrices(tree)


def with_matrices(tree: Any) -> Any:
    """The same tree with an array in place of each matrix of OpenCV.

    Raises:
        InputError: a matrix has another number of entries than its rows and columns.
    """
    if isinstance(tree, list):
        return [with_matrices(value) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if "data" in tree and ("rows" in tree or "sizes" in tree):
        return _matrix(tree)
    return {key: with_matrices(value) for key, value in tree.items()}


def _matrix(tree: dict[str, Any]) -> np.ndarray:
    sizes = tree.get("sizes", [tree.get("rows"), tree.get("cols")])
    channels = re.match(r"[0-9]*", str(tree.get("dt", "")))
    count = int(channels[0]) if channels and channels[0] else 1
    try:
        data = np.array(tree["data"], np.float64)
        # A size of -1 would be taken for "whatever is left".
        shape = [max(int(size), 0) for size in sizes] + ([count] if count > 1 else [])
        return data.reshape(shape)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"a matrix does not have the entries that its sizes {printable(str(sizes))} ask for: the file is damaged or cut off"
        ) from None


class _Lines:
    """The lines that say something, one after another."""

    def __init__(self, text: str) -> None:
        self.left = list(self._kept(text))[::-1]

    @staticmethod
    def _kept(text: str) -> Iterator[tuple[int, int, str]]:
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith(("%", "---", "...")):
                continue
            bare = _COMMENT.fullmatch(line)
            content = (bare[1] if bare else line).rstrip()
            if content.strip():
                stripped = content.lstrip(" ")
                yield number, len(content) - len(stripped), stripped

    @property
    def indent(self) -> int:
        """Spaces before the next line, -1 at the end."""
        return self.left[-1][1] if self.left else -1

    @property
    def text(self) -> str:
        return self.left[-1][2] if self.left else ""

    def take(self) -> str:
        return self.left.pop()[2]

    def put(self, indent: int, text: str) -> None:
        """Put the rest of the line that was taken last back as a line of its own."""
        self.left.append((self.left[-1][0] if self.left else 0, indent, text))


def _block(lines: _Lines, depth: int) -> Any:
    check_limit(depth, "nesting", "it holds names in each other to a depth of")
    return _list(lines, depth) if lines.text.startswith("-") else _names(lines, depth)


def _names(lines: _Lines, depth: int) -> dict[str, Any]:
    indent, values = lines.indent, {}
    while lines.indent == indent and (found := _KEY.fullmatch(lines.text)):
        lines.take()
        key = _scalar(found[1].rstrip(), is_key=True)
        values[key] = _value(lines, found[2] or "", indent, depth)
    if not values or lines.indent > indent:
        raise _damaged(lines)
    return values


def _list(lines: _Lines, depth: int) -> list[Any]:
    indent, values = lines.indent, []
    while lines.indent == indent and (lines.text == "-" or lines.text.startswith("- ")):
        text = lines.take()[1:]
        rest = text.lstrip()
        if _KEY.fullmatch(rest):
            lines.put(indent + 1 + len(text) - len(rest), rest)
            values.append(_block(lines, depth + 1))
        else:
            values.append(_value(lines, rest, indent, depth))
    if not values or lines.indent > indent:
        raise _damaged(lines)
    return values


def _value(lines: _Lines, rest: str, indent: int, depth: int) -> Any:
    """What follows a name or a dash: on the same line, or on those below that are further in."""
    tag = _TAG.match(rest)
    rest = rest[tag.end() :] if tag else rest
    if not rest:
        is_below = lines.indent > indent or (lines.indent == indent and lines.text.startswith("- "))
        if not is_below:
            return None
        if lines.text[0] not in "[{":
            return _block(lines, depth + 1)
        rest = lines.take()
    if rest[0] in "[{":
        return _bracketed(rest, lines)
    return _scalar(rest)


def _bracketed(text: str, lines: _Lines) -> Any:
    """A list or an object in brackets, which may go on over the next lines."""
    tokens = _tokens(text, lines)
    value = _flow(next(tokens), tokens, 1)
    if next(tokens, None) is not None:
        raise _damaged(lines)
    return value


def _tokens(text: str, lines: _Lines) -> Iterator[str]:
    depth = 0
    while True:
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise _damaged(lines)
            place = found.end()
            depth += (found[1] in "[{") - (found[1] in "]}")
            yield found[1]
        if depth <= 0:
            return
        if not lines.left:
            raise InputError("a bracket is not closed: the file is damaged or cut off")
        text = lines.take()


def _flow(token: str, tokens: Iterator[str], depth: int) -> Any:
    check_limit(depth, "nesting", "it holds brackets in each other to a depth of")
    if token == "[":
        return list(_entries(tokens, "]", depth))
    if token == "{":
        return dict(_pair(entry, tokens, depth) for entry in _items(tokens, "}"))
    return _scalar(token)


def _entries(tokens: Iterator[str], end: str, depth: int) -> Iterator[Any]:
    for token in _items(tokens, end):
        yield _flow(token, tokens, depth + 1)


def _items(tokens: Iterator[str], end: str) -> Iterator[str]:
    """The first token of each item up to the closing bracket; whoever gets it takes the others of the item."""
    token = next(tokens, "")
    while token != end:
        if token in ("", ",", "]", "}", ":"):
            raise InputError("a bracket holds no list of values: the file is damaged or cut off")
        yield token
        token = next(tokens, "")
        if token == ",":
            token = next(tokens, "")
        elif token != end:
            raise InputError("a comma is missing in a list: the file is damaged or cut off")


def _pair(token: str, tokens: Iterator[str], depth: int) -> tuple[Any, Any]:
    """Name and value in braces; OpenCV writes no space after the colon."""
    key, colon, value = token.partition(":") if token[0] not in "\"'" else (token, "", "")
    if not colon and next(tokens, "") != ":":
        raise InputError("a name has no value: the file is damaged or cut off")
    return _scalar(key, is_key=True), _flow(value or next(tokens, ""), tokens, depth + 1)


def _scalar(text: str, *, is_key: bool = False) -> Any:
    if text[:1] in "\"'" and text[:1]:
        if len(text) < 2 or text[-1] != text[0]:
            raise InputError("a quote is not closed: the file is damaged or cut off")
        return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] == '"' else text[1:-1]
    if is_key:
        return text
    if text[:1] in ("&", "*", "|", ">"):
        raise InputError(
            f"{printable(text, 20)!r} is YAML that OpenCV does not write; write the file with cv2.FileStorage"
        )
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    lowered = text.lower()
    return _SPECIAL[lowered] if lowered in _SPECIAL else _WORDS.get(lowered, text)


def _damaged(lines: _Lines) -> InputError:
    where = f"line {lines.left[-1][0]}, {printable(lines.text, 40)!r}," if lines.left else "its end"
    return InputError(f"{where} is not what OpenCV writes: the file is damaged or cut off")

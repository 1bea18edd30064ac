"""Items made in another thread come in order, with their errors, and the thread ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from smplify_jax.errors import InputError
from smplify_jax.execution.read_ahead import read_ahead
from smplify_jax.files.budget import budget, read_with


def _threads() -> int:
    return sum(thread.name == "read ahead" for thread in threading.enumerate())


def test_all_items_come_in_their_order():
    assert list(read_ahead(range(100), 3)) == list(range(100))
    assert _threads() == 0


def test_only_a_few_items_are_made_ahead():
    made = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = read_ahead(items(), 3)
    next(ahead)
    time.sleep(0.3)
    assert 4 <= len(made) <= 5  # one is out, three wait, and one has no room yet
    ahead.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_an_error_is_raised_after_the_items_before_it():
    def items() -> Iterator[int]:
        yield 1
        raise InputError("damaged")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(InputError, match="damaged"):
        next(ahead)
    assert _threads() == 0


def test_the_source_is_closed_when_nobody_wants_more():
    is_closed = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            is_closed.append(True)

    ahead = read_ahead(items(), 2)
    next(ahead)
    ahead.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert is_closed
    assert _threads() == 0


def test_limits_of_the_caller_hold_in_the_thread():
    with read_with(picture_pixels=123):
        assert next(read_ahead(budget().picture_pixels for _ in range(1))) == 123

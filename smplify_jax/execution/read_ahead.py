"""Let a thread prepare the next items while one is worked on: a video's frames are decoded, scaled and encoded outside of Python's lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from queue import Empty, Full, Queue
from typing import TypeVar

_Item = TypeVar("_Item")

_SECONDS_BETWEEN_LOOKS = 0.1


def read_ahead(items: Iterable[_Item], num_ahead: int = 4) -> Iterator[_Item]:
    """The items, up to `num_ahead` of which are made before they are asked for, in another thread.

    What making an item raises is raised when that item is asked for. The thread ends when this iterator does, or is closed.
    """
    queue: Queue[tuple[str, object]] = Queue(num_ahead)
    is_over = threading.Event()

    def put(kind: str, value: object) -> bool:
        while not is_over.is_set():
            try:
                queue.put((kind, value), timeout=_SECONDS_BETWEEN_LOOKS)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)
        finally:
            # Whoever made the items may have files open, which the thread that opened them closes.
            close = getattr(items, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=copy_context().run, args=(work,), name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, value = queue.get(timeout=_SECONDS_BETWEEN_LOOKS)
            except Empty:
                continue
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            yield value  # pyright: ignore[reportReturnType]
    finally:
        is_over.set()
        thread.join()

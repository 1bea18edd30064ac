"""Ctrl-C and SIGTERM end a program at once, in a sentence, whatever it is doing.

Python's own way, an exception in the main thread, waits for compiled code to return, which may take a minute while a fit is compiled; and
where it comes up inside of XLA it is swallowed, or ends the process with a segmentation fault. So nothing is raised: a thread is woken by
the signal itself and ends the process. Files take their names when they are complete, so that none is left half written.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_FLUSH_SECONDS = 1.0
"""Whoever reads our output may have stopped reading."""


@contextlib.contextmanager
def ended_by_signals(farewell: Callable[[], str]) -> Iterator[None]:
    """End this process at SIGINT and SIGTERM inside the `with` block, with status 130 and 143, as shells have it.

    For the main thread of a program that owns its process. A signal that the process was started to ignore, as shells start what runs in
    the background, stays ignored.

    Args:
        farewell: gives the sentence for stderr.
    """
    watched = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, _wake) for number in watched}
    is_over = threading.Event()

    def watch() -> None:
        while number := os.read(read_end, 1):
            if is_over.is_set():
                return
            if number[0] in watched:
                _end(number[0], farewell())

    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        is_over.set()
        os.write(write_end, b"\0")
        watcher.join()
        os.close(read_end)
        os.close(write_end)


def _wake(*_: object) -> None:
    """Do nothing: that there is a handler makes Python write the signal's number to the pipe."""


def _end(number: int, farewell: str) -> None:
    flusher = threading.Thread(target=_flush, daemon=True)
    flusher.start()
    flusher.join(_FLUSH_SECONDS)
    # Not by sys.stderr, which the main thread may be in the middle of; and a bar may stand in the line.
    line = f"\n{farewell}\n" if sys.stderr is not None and sys.stderr.isatty() else f"{farewell}\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode(errors="replace"))
    os._exit(128 + number)


def _flush() -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()

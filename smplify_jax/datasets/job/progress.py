"""A count of the people that are done, with fits a second and the time that is left: drawn on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from smplify_jax.datasets.job.engine import BatchDone
from smplify_jax.datasets.job.intake import Intake
from smplify_jax.errors import InputError
from smplify_jax.keypoints.rows import DatasetRow

SECONDS_BETWEEN_LINES = 30.0
"""Of a log: often enough to see that a job lives, seldom enough to read the log of a day."""


def followed(batches: Iterator[BatchDone], intake: Intake, is_shown: bool) -> Iterator[BatchDone]:
    """Batches as they are done, counted on stderr."""
    if is_shown and not sys.stderr.isatty():
        yield from _logged(batches, intake)
        return
    with tqdm(unit="fit", file=sys.stderr, disable=not is_shown, leave=False, smoothing=0.1) as bar:
        total = None if bar.disable else _Total(intake)
        for done in batches:
            if total is not None and total.num_people is not None:
                bar.total = total.num_people
            bar.update(done.num_people)
            yield done


def _logged(batches: Iterator[BatchDone], intake: Intake) -> Iterator[BatchDone]:
    log = _Log(intake)
    with log.told_in_time():
        for done in batches:
            log.num_people += done.num_people
            yield done


class _Log:
    """Tells in a line every so often how far a job is.

    Attributes:
        num_people: that are done.
    """

    def __init__(self, intake: Intake) -> None:
        self.num_people = 0
        self._start = time.perf_counter()
        # Counted only if that has been done already: it takes reading the input, and nobody waits before a log.
        self._total = _Total(intake).num_people if intake.folder.is_input_counted else None

    def line(self) -> str:
        """So far."""
        seconds = time.perf_counter() - self._start
        if not self.num_people:
            return f"nobody is fitted yet after {seconds:,.0f} s: the first wait until their fit is compiled"
        total = "" if self._total is None else f" of about {self._total:,}"
        rate = self.num_people / seconds
        left = "" if self._total is None else f", {max(0, self._total - self.num_people) / rate:,.0f} s left"
        return f"{self.num_people:,}{total} people fitted in {seconds:,.0f} s, {rate:,.1f} fits/s{left}"

    @contextmanager
    def told_in_time(self) -> Iterator[None]:
        """By a thread, for compiling a fit may take longer than the time between two lines."""
        is_over = threading.Event()

        def tell() -> None:
            while not is_over.wait(SECONDS_BETWEEN_LINES):
                print(self.line(), file=sys.stderr, flush=True)

        teller = threading.Thread(target=tell, name="log", daemon=True)
        teller.start()
        try:
            yield
        finally:
            is_over.set()
            teller.join()


class _Total:
    """How many people there are to fit, about, once that is known.

    Attributes:
        num_people: None until then.
    """

    def __init__(self, intake: Intake) -> None:
        self.num_people: int | None = None
        num_done = sum(map(intake.shard.has, intake.folder.done()))

        def count() -> None:
            """In a thread: reading an input to its end may take minutes, during which fits should not wait."""
            try:
                num_people = sum(isinstance(row, DatasetRow) for row in intake.source.rows())
            except InputError:
                return  # whoever fits the input tells it
            self._set(num_people, intake, num_done)

        if intake.folder.is_input_counted:
            self._set(intake.folder.input_count().num_people, intake, num_done)
        else:
            threading.Thread(target=count, name="counter", daemon=True).start()

    def _set(self, num_people: int, intake: Intake, num_done: int) -> None:
        self.num_people = max(0, num_people // intake.shard.count - num_done * intake.batch_size)

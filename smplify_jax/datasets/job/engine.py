"""Who fits the batches: the interface, and this process as the first that has it."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from smplify_jax.datasets.job.fitter import BatchFitter
from smplify_jax.datasets.job.intake import Intake
from smplify_jax.datasets.job.plan import Batch, together
from smplify_jax.result import FitResult

_Item = TypeVar("_Item")

_CALLS_AHEAD = 1
"""What is read before it is needed, in people of so many calls of the fitter, besides what is being read."""


@dataclass(frozen=True)
class BatchDone:
    """A batch whose fits are written.

    Attributes:
        number: of the batch.
        num_people: in it.
        fitted_at: [s] by the clock of the process that runs the engine; the same for batches that were fitted together.
    """

    number: int
    num_people: int
    fitted_at: float


class Engine(Protocol):
    """Fits what an intake reads and writes it to the job's folder."""

    def run(self, intake: Intake, box_factor: float | None) -> Iterator[BatchDone]:
        """Do the job, and tell of each batch when its file is there.

        Raises:
            InputError: the input cannot be read, or a file cannot be written.
        """
        ...


@dataclass(frozen=True)
class LocalEngine:
    """This process: one thread reads, this one fits, and one writes.

    Only one thread calls JAX: with two, jax 0.10.2 waited for ever on a CPU.
    """

    def run(self, intake: Intake, box_factor: float | None) -> Iterator[BatchDone]:
        """Do the job, and tell of each batch when its file is there."""
        fitter, folder = intake.fitter, intake.folder
        writing: deque[tuple[BatchDone, Future[None]]] = deque()
        with ThreadPoolExecutor(1) as writer:
            for batches in read_ahead(together(intake.batches(), fitter.people_at_once), _CALLS_AHEAD):
                for batch, result, done in _fitted(fitter, batches):
                    made_with = fitter.provenance(batch.layout)
                    writing.append((done, writer.submit(folder.write_part, batch, result, made_with, box_factor)))
                # The last call's are written during the next.
                yield from _written(writing, len(batches))
            yield from _written(writing, 0)


def _fitted(fitter: BatchFitter, batches: Sequence[Batch]) -> Iterator[tuple[Batch, FitResult, BatchDone]]:
    """Batches of one kind, fitted by one call."""
    result = fitter.fit([person for batch in batches for person in batch.people])
    now, first = time.perf_counter(), 0
    for batch in batches:
        count = len(batch.people)
        yield batch, result[first : first + count], BatchDone(batch.number, count, now)
        first += count


def _written(writing: deque[tuple[BatchDone, Future[None]]], most_waiting: int) -> Iterator[BatchDone]:
    """Batches that are written, having waited until no more than so many are not; raises what writing raised."""
    while writing and (len(writing) > most_waiting or writing[0][1].done()):
        done, future = writing.popleft()
        future.result()
        yield done


def read_ahead(items: Iterable[_Item], depth: int) -> Iterator[_Item]:
    """The items of an iterable, which a thread runs through while the caller works on those before.

    Args:
        items: what raises there, raises here.
        depth: the most items that wait.
    """
    waiting: queue.Queue[tuple[_Item] | BaseException | None] = queue.Queue(depth)
    is_over = threading.Event()

    def put(entry: tuple[_Item] | BaseException | None) -> None:
        while not is_over.is_set():
            try:
                return waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for item in items:
                put((item,))
                if is_over.is_set():
                    return
        except BaseException as error:  # to be raised where it is seen
            put(error)
        else:
            put(None)

    # A daemon: a reader that hangs on a dead disk does not keep the process from ending.
    reader = threading.Thread(target=read, name="reader", daemon=True)
    reader.start()
    try:
        while (entry := waiting.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
    finally:
        is_over.set()
        reader.join(timeout=5.0)

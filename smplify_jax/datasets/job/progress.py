"""A count of the people that are done, with fits a second and the time that is left."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

from tqdm import tqdm

from smplify_jax.datasets.job.engine import BatchDone
from smplify_jax.datasets.job.intake import Intake
from smplify_jax.errors import InputError
from smplify_jax.keypoints.rows import DatasetRow


def followed(batches: Iterator[BatchDone], intake: Intake, is_shown: bool) -> Iterator[BatchDone]:
    """Batches as they are done, counted on stderr if that is a terminal."""
    with tqdm(unit="fit", file=sys.stderr, disable=None if is_shown else True, leave=False, smoothing=0.1) as bar:
        total = None if bar.disable else _Total(intake)
        for done in batches:
            if total is not None and total.num_people is not None:
                bar.total = total.num_people
            bar.update(done.num_people)
            yield done


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

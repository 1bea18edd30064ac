"""Bodies in frames of time, ready to be fitted: what was observed, where each body starts, and what it stays close to.

Pictures of one camera, of several, and points in space differ only in how they are prepared; all become `Frames`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observed
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.measured import KnownMeasurements


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Frames:
    """T frames of one person, or T bodies that have nothing to do with each other; every array has a leading axis T.

    Attributes:
        observed: what the fit compares the body with, of any kind.
        as_given: the same as the caller gave it, which errors refer to: the network may have exchanged sides.
        start: bodies to start from.
        anchor: what to stay close to; precisions are zero in frames where nothing was observed.
        times: (T,) [s].
        is_seen: (T,) whether the person was observed well enough to be fitted.
        is_frame: (T,) False for padding at the end.
        is_fixed: (T,) whether the body stays as it starts; the frames after it continue its motion.
        is_linked: (T,) whether the body's acceleration in this frame counts: whether its neighbours in time are the frames beside it.
        input_status: (T,) of `FitStatus`: why a frame is not seen; CONVERGED where it is.
        known: (T, M) measurements of the person in each frame; None if none are known of anybody.
    """

    observed: Observed
    as_given: Observed
    start: BodyParameters
    anchor: Anchor
    times: Array | np.ndarray
    is_seen: Array | np.ndarray
    is_frame: Array | np.ndarray
    is_fixed: Array | np.ndarray
    is_linked: Array | np.ndarray
    input_status: Array | np.ndarray
    known: KnownMeasurements | None = None

    @classmethod
    def prepared(
        cls,
        *,
        observed: Observed,
        as_given: Observed,
        start: BodyParameters,
        anchor: Anchor,
        is_seen: np.ndarray,
        input_status: np.ndarray,
        times: np.ndarray,
        max_gap: float,
    ) -> Frames:
        """The frames of one person, linked in time and without short gaps.

        Args:
            observed: what the fit compares the body with.
            as_given: the same as the caller gave it.
            start: bodies to start from.
            anchor: (T, ...), meaningless in frames where nobody is seen, which get none.
            is_seen: (T,) whether the person was observed well enough.
            input_status: (T,) why not.
            times: (T,) [s].
            max_gap: [s] the longest time between two seen frames between which bodies are filled in.
        """
        is_frame = is_seen | is_between(is_seen, times, max_gap)
        return cls(
            observed=observed,
            as_given=as_given,
            start=start,
            anchor=_where_seen(anchor, is_seen),
            times=(times - times[0]).astype(np.float32),
            is_seen=is_seen,
            is_frame=is_frame,
            is_fixed=np.zeros_like(is_frame),
            is_linked=is_linked(is_frame),
            input_status=input_status,
        )

    @classmethod
    def apart(
        cls,
        *,
        observed: Observed,
        as_given: Observed,
        start: BodyParameters,
        anchor: Anchor,
        is_seen: np.ndarray,
        input_status: np.ndarray,
    ) -> Frames:
        """Bodies that have nothing to do with each other; arguments as for `prepared`, with a leading axis B in place of T."""
        nowhere = np.zeros_like(is_seen)
        return cls(
            observed=observed,
            as_given=as_given,
            start=jax.tree.map(lambda values: np.asarray(values, np.float32), start),
            anchor=_where_seen(anchor, is_seen),
            times=np.zeros(len(is_seen), np.float32),
            is_seen=is_seen,
            is_frame=is_seen,
            is_fixed=nowhere,
            is_linked=nowhere,
            input_status=input_status,
        )

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.times)

    def with_known(self, known: KnownMeasurements | None) -> Frames:
        """The same frames of people of whom measurements are known: (T, M), or (1, M) of one person in all frames."""
        if known is None:
            return self
        rows = {name: np.broadcast_to(block, (len(self), block.shape[-1])) for name, block in vars(known).items()}
        return dataclasses.replace(self, known=KnownMeasurements(**rows))

    def only(self, is_person: np.ndarray) -> Frames:
        """The same frames, of which the others count for nothing."""
        return dataclasses.replace(self, is_frame=np.asarray(self.is_frame) & is_person)


def is_between(is_seen: np.ndarray, times: np.ndarray, max_gap: float) -> np.ndarray:
    """(T,) which frames are unseen, but lie between seen ones that are at most `max_gap` apart, and half a frame: times are rounded."""
    seen = np.flatnonzero(is_seen)
    found = np.zeros(len(is_seen), bool)
    longest = max_gap + (0.5 * float(np.median(np.diff(times))) if len(times) > 1 else 0.0)
    for before, after in pairwise(seen):
        if after > before + 1 and times[after] - times[before] <= longest:
            found[before + 1 : after] = True
    return found


def is_linked(is_frame: np.ndarray) -> np.ndarray:
    """(T,) which frames have a body in the frames before and after them."""
    around = np.concatenate([[False], is_frame, [False]])
    return around[:-2] & around[1:-1] & around[2:]


def _where_seen(anchor: Anchor, is_seen: np.ndarray) -> Anchor:
    """The anchor as float32, zero and without precision in frames where nobody is seen."""
    return jax.tree.map(lambda values: np.where(is_seen[:, None], values, 0.0).astype(np.float32), anchor)


def leaf(value: ArrayLike) -> Any:
    """A value as NumPy holds it, for a field that JAX sees as its own array once it is given to a program."""
    return np.asarray(value)


def rows_of(tree: Any, rows: int | slice | np.ndarray) -> Any:
    """Those rows of the leading axis of every array."""
    return jax.tree.map(lambda values: np.asarray(values)[rows], tree)


def padded(frames: Frames, length: int) -> Frames:
    """The frames, followed by copies of the last one that count for nothing, so that there are `length` of them."""
    missing = length - len(frames)
    if not missing:
        return frames
    rows = np.minimum(np.arange(length), len(frames) - 1)
    longer, is_own = rows_of(frames, rows), np.arange(length) < len(frames)
    # Times must increase, or the padding's velocities would be infinite.
    times = longer.times + np.where(is_own, 0.0, np.arange(length) - len(frames) + 1)
    return Frames(
        **{
            **vars(longer),
            "times": times.astype(longer.times.dtype),
            "is_seen": longer.is_seen & is_own,
            "is_frame": longer.is_frame & is_own,
            "is_linked": longer.is_linked & is_own,
        }
    )

"""Does a fits store decide like SPIN's own trainer? `python -m benchmarks.spin_trace spin_trace.npz [--json FILE]`.

The trace records 54 training steps of 16 people each: the fits in the trainer's table, the result of its SMPLify from the network's guess,
and whether it kept the result. The same fits go through `FitStore` with the same augmentation in the same order. docs/datasets.md describes
the trace.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.measure import print_and_write
from smplify_jax import InputError, get_layout, load_body
from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.fit_loss import CropKeypoints, FitLoss
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays

CROP_PX = 224.0
_CENTER = np.full(2, CROP_PX / 2)
_LAYOUT = get_layout("spin49")
STEP = 16
SAME_POSE_RAD = 1e-3
"""[rad] Fits that differ by more are different; undoing and applying augmentation changes them by 1e-5."""

REASONS = ("table_differs", "placed_otherwise", "keypoints_rounded", "spin_places_worse")
"""Reasons why the store decides differently; the first that applies counts:

- the tables already differ because of an earlier decision;
- SPIN stores no translation: it places the stored fit again at every visit, and the new fit where its SMPLify left it; with fits placed
  like that, the store decides like SPIN;
- SPIN measures on the visit's keypoints, rounded to whole pixels of a crop of another size; on these, the store decides like SPIN;
- SPIN places the stored fit by a plain sum of squares, worse than the store does.
"""
_FIELDS = (
    "rows",
    "rot",
    "flip",
    "scale",
    "kp",
    "start",
    "old_loss",
    "new_pose",
    "new_betas",
    "new_cam",
    "got_pose",
    "got_betas",
    "new_loss",
    "update",
)


@dataclass(frozen=True, eq=False)
class Trace:
    """Recorded actions of SPIN's trainer: V visits in the order of the steps.

    Attributes:
        rows: (V,) rows of the table.
        augmentation: of the V pictures.
        crop_side: (300,) [px of the picture] mean over the row's visits, because the trace lacks the row's own; 0 for rows without visits.
        keypoints: (V, 49, 3) in the augmented crop of 224 px, which SPIN rounds to whole pixels.
        start: (300, 82) the initial table.
        pose, betas, transl: (V, 72), (V, 10), (V, 3) results of SPIN's SMPLify, as the augmented picture shows them.
        got_pose, got_betas: (V, 72), (V, 10) fits in SPIN's table at the time, as the augmented picture shows them.
        old_loss, new_loss: (V,) SPIN's losses of the stored fit and of the new one.
        is_kept: (V,) whether SPIN kept the new fit.
    """

    rows: np.ndarray
    augmentation: Augmentation
    crop_side: np.ndarray
    keypoints: np.ndarray
    start: np.ndarray
    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    got_pose: np.ndarray
    got_betas: np.ndarray
    old_loss: np.ndarray
    new_loss: np.ndarray
    is_kept: np.ndarray

    @cached_property
    def is_first_visit(self) -> np.ndarray:
        """Whether (V,) SPIN's table still held the initial fit."""
        _, first = np.unique(self.rows, return_index=True)
        return np.isin(np.arange(len(self.rows)), first)

    def row_keypoints(self, *, averaged: bool) -> np.ndarray:
        """Keypoints (300, 49, 3) before augmentation [px of the picture, from the crop's centre]: of the first visit, or the mean of all.

        The mean has a smaller rounding error.
        """
        plain = self.keypoints.copy()
        flip = list(_LAYOUT.flip)
        plain[..., :2] = self.augmentation.undo_points(plain[..., :2], np.tile(_CENTER, (len(plain), 1)), flip)
        plain[..., 2] = np.where(self.augmentation.is_flipped[:, None], plain[:, flip, 2], plain[..., 2])
        keypoints = np.zeros((len(self.start), *plain.shape[1:]))
        for row in np.unique(self.rows):
            visits = plain[self.rows == row]
            keypoints[row] = visits.mean(axis=0) if averaged else visits[0]
        keypoints[..., :2] = (keypoints[..., :2] - _CENTER) * (self.crop_side / CROP_PX)[:, None, None]
        return keypoints


def read_trace(path: Path) -> Trace:
    """Read the archive, whose arrays are (steps, slots, ...).

    Raises:
        InputError: the file is not such an archive.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _FIELDS}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is no trace of SPIN's trainer ({error}).") from None
    visits = {name: array.reshape(-1, *array.shape[2:]) for name, array in arrays.items() if name != "start"}
    rows, scale = visits["rows"], visits["scale"]
    num_visits = np.bincount(rows, minlength=len(arrays["start"]))
    mean_scale = np.bincount(rows, scale, len(arrays["start"])) / np.maximum(num_visits, 1)
    return Trace(
        rows,
        Augmentation.of(-visits["rot"], visits["flip"] == 1, scale / mean_scale[rows]),
        SPIN_BOX_UNIT * mean_scale,
        visits["kp"].astype(np.float64),
        arrays["start"],
        visits["new_pose"],
        visits["new_betas"],
        visits["new_cam"],
        visits["got_pose"],
        visits["got_betas"],
        visits["old_loss"],
        visits["new_loss"],
        visits["update"] == 1,
    )


def make_store(trace: Trace, path: Path, *, averaged: bool) -> FitStore:
    """Make a store from SPIN's initial table, with the rows' keypoints."""
    num_rows = len(trace.start)
    return store_from_arrays(
        path,
        load_body(num_betas=10),
        pose=trace.start[:, :72],
        betas=trace.start[:, 72:],
        keypoints=trace.row_keypoints(averaged=averaged),
        crop_center=np.zeros((num_rows, 2)),
        crop_side=np.where(trace.crop_side > 0, trace.crop_side, 1.0),
        focal_length=SPIN_FOCAL_SIDES,
    )


@dataclass(frozen=True, eq=False)
class Replay:
    """Decisions of the store at V visits.

    Attributes:
        is_kept: (V,) whether it kept the new fit.
        reason: (V,) text if it decided differently from SPIN, empty otherwise.
    """

    is_kept: np.ndarray
    reason: np.ndarray


def replay(trace: Trace, store: FitStore, *, gives_transl: bool = True) -> Replay:
    """Offer each new fit to the store, step by step like the trainer."""
    is_kept, reason = np.zeros(len(trace.rows), bool), np.zeros(len(trace.rows), object)
    on_visits = _agrees_on_visits(trace)
    for first in range(0, len(trace.rows), STEP):
        step = np.arange(first, min(first + STEP, len(trace.rows)))
        rows, augmentation = trace.rows[step], trace.augmentation.of_rows(step)
        new = {"pose": trace.pose[step], "betas": trace.betas[step]}
        old = {"pose": trace.got_pose[step], "betas": trace.got_betas[step]}
        apart = np.abs(store.get(rows, augmentation).pose - old["pose"])[:, 3:]
        new_loss = store.measure(rows, **new, transl=trace.transl[step], augmentation=augmentation)
        agrees_as_placed = (new_loss < store.measure(rows, **old, augmentation=augmentation)) == trace.is_kept[step]

        transl = trace.transl[step] if gives_transl else None
        is_kept[step] = store.update_if_better(rows, **new, transl=transl, augmentation=augmentation)
        conditions = [(apart > SAME_POSE_RAD).any(axis=1), agrees_as_placed, on_visits[step]]
        why = np.select(conditions, REASONS[:3], REASONS[3])
        reason[step] = np.where(is_kept[step] == trace.is_kept[step], "", why)
    return Replay(is_kept, reason)


def _agrees_on_visits(trace: Trace) -> np.ndarray:
    """Whether (V,) the store's measure decides like SPIN on the keypoints of the visit, on which SPIN measured."""
    num_visits = len(trace.rows)
    center, side = np.tile(_CENTER, (num_visits, 1)), np.full(num_visits, CROP_PX)
    seen = CropKeypoints.of_pictures(trace.keypoints, center, side, SPIN_FOCAL_SIDES * CROP_PX)
    loss = FitLoss.of(load_body(num_betas=10))
    old, _ = loss.measure(seen, pose=trace.got_pose, betas=trace.got_betas)
    new, _ = loss.measure(seen, pose=trace.pose, betas=trace.betas, transl=trace.transl)
    return (new < old) == trace.is_kept


@dataclass(frozen=True)
class Options:
    """Replay SPIN's trainer."""

    trace: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="spin_trace.npz")]
    json: Path | None = None
    """Also write the table here."""


def measure(trace: Trace) -> list[dict]:
    """One row for each way to supply the store's inputs."""
    return [
        _row("each fit with its own translation, keypoints from all visits", trace, averaged=True, gives_transl=True),
        _row(
            "each fit with its own translation, keypoints of the first visit", trace, averaged=False, gives_transl=True
        ),
        _row("each body put where it fits best, keypoints from all visits", trace, averaged=True, gives_transl=False),
    ]


def _row(name: str, trace: Trace, *, averaged: bool, gives_transl: bool) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(trace, Path(folder) / "spin.store", averaged=averaged)
        replayed = replay(trace, store, gives_transl=gives_transl)
    is_kept, first = replayed.is_kept, trace.is_first_visit
    counts = {reason: int((replayed.reason == reason).sum()) for reason in REASONS}
    return {
        "store": name,
        "decisions": len(is_kept),
        "agree_percent": float(100 * (is_kept == trace.is_kept).mean()),
        "both_keep": int((is_kept & trace.is_kept).sum()),
        "only_store_keeps": int((is_kept & ~trace.is_kept).sum()),
        "only_spin_keeps": int((~is_kept & trace.is_kept).sum()),
        "first_visits": int(first.sum()),
        "first_visits_only_store_keeps": int((is_kept & ~trace.is_kept & first).sum()),
    } | counts


def main() -> int:
    """Run the command."""
    options = tyro.cli(Options, prog="python -m benchmarks.spin_trace", description=__doc__)
    try:
        print_and_write(measure(read_trace(options.trace)), options.json)
    except InputError as error:
        print(f"benchmarks.spin_trace: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

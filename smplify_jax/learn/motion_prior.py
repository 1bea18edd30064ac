"""Learn how people accelerate: `python -m smplify_jax.learn.motion_prior FOLDER --out FILE`.

Prints, for several times between frames, the standard deviations of acceleration and of its derivative, jerk: of the two, the one whose
standard deviation changes by √2 when that time halves is white noise, and can be modelled as such at any frame rate.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from smplify_jax.body.load import load_body
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS, mirrored_name
from smplify_jax.learn.command import run
from smplify_jax.learn.mocap.recordings import NUM_JOINTS, Recording, load_recordings
from smplify_jax.learn.mocap.root_path import leg_length

STEPS = (Fraction(2), Fraction(1), Fraction(1, 2))
"""Times between frames that are reported, in those of the recording; at a half, poses are interpolated by splines."""

LAGS = (1, 2, 3, 5)
"""Numbers of frames apart for which the correlation of accelerations is reported."""

_ROBUST = 1.4826  # standard deviation of normal numbers over the median of their magnitudes
_MIN_FRAMES = 12

_UNSURE = ("wrist",)
"""Joints that capture turns by large angles now and then. Of these, the robust standard deviation is right and the other is not."""

_STILL = ("foot", "hand")
"""Joints that most capture skeletons lack: toes and hands are said to turn like the ankles and wrists that they follow."""

Series = dict[str, list[np.ndarray]]
"""Of every subject, arrays (T, ..., 3) of its recordings."""


def accelerations(rotations: np.ndarray, path: np.ndarray, frame_time: float) -> tuple[np.ndarray, np.ndarray]:
    """Linear and angular accelerations of a motion.

    Args:
        rotations: (T, J, 3) axis-angle vectors of the joints relative to their parents [rad].
        path: (T, 3) [m].
        frame_time: between frames [s].
    Returns:
        (T - 2, 3) [m/s²] and (T - 2, J, 3) [rad/s²], the latter in the parents' frames.
    """
    before, after = (Rotation.from_rotvec(rows.reshape(-1, 3)) for rows in (rotations[:-1], rotations[1:]))
    velocity = (after * before.inv()).as_rotvec().reshape(-1, *rotations.shape[1:]) / frame_time
    return np.diff(path, n=2, axis=0) / frame_time**2, np.diff(velocity, axis=0) / frame_time


def resampled(clip: Recording, step: Fraction) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rotations (T, 24, 3) and path (T, 3) of a recording at every `step`-th frame, once from each of the first ones that can start."""
    rotations = clip.poses.reshape(-1, NUM_JOINTS, 3)
    if step >= 1:
        return [(rotations[first :: int(step)], clip.path[first :: int(step)]) for first in range(int(step))]
    frames = np.arange(len(rotations))
    times = np.linspace(0, frames[-1], int(frames[-1] / step) + 1)
    splines = [RotationSpline(frames, Rotation.from_rotvec(rotations[:, joint])) for joint in range(NUM_JOINTS)]
    return [(np.stack([one(times).as_rotvec() for one in splines], axis=1), CubicSpline(frames, clip.path)(times))]


def collect(clips: Sequence[Recording], step: Fraction, metres_per_leg: float) -> dict[str, Series]:
    """Accelerations and jerks of all recordings at one time between frames, by what they are of."""
    found: dict[str, Series] = {
        name: defaultdict(list) for name in ("root_acceleration", "joint_acceleration", "root_jerk", "joint_jerk")
    }
    for clip in clips:
        for rotations, path in resampled(clip, step):
            if len(path) < _MIN_FRAMES:
                continue
            frame_time = float(step) / clip.fps
            root, joints = accelerations(rotations, metres_per_leg * path, frame_time)
            for name, series in (("root", root), ("joint", joints)):
                found[f"{name}_acceleration"][clip.subject].append(series)
                found[f"{name}_jerk"][clip.subject].append(np.diff(series, axis=0) / frame_time)
    return found


def standard_deviation(values: np.ndarray) -> np.ndarray:
    """Root mean square over the first axis: accelerations have no mean."""
    return np.sqrt((values**2).mean(axis=0))


def robust_standard_deviation(values: np.ndarray) -> np.ndarray:
    """From the median magnitude over the first axis, which a few large values do not change."""
    return _ROBUST * np.median(np.abs(values), axis=0)


def pooled(series: Series, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The measure of all subjects, each of the same weight: the root of the mean of squares."""
    each = [measure(np.concatenate(parts)) for parts in series.values()]
    return np.sqrt(np.mean(np.square(each), axis=0))


def root_std(series: Series, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(3,) along x, y and z; the two horizontal axes are alike, because people face anywhere."""
    x, y, z = pooled(series, measure)
    horizontal = np.sqrt(0.5 * (x**2 + z**2))
    return np.array([horizontal, y, horizontal])


def joint_std(series: Series, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(24,) along any axis; left and right are alike."""
    squares = (pooled(series, measure) ** 2).mean(axis=1)
    partner = [SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES]
    return np.sqrt(0.5 * (squares + squares[partner]))


def learn(series: dict[str, Series], frame_time: float) -> dict[str, np.ndarray]:
    """The arrays of a motion prior, see `smplify_jax.prior.motion.MotionPrior`.

    Raises:
        InputError: a joint that skeletons have never turns.
    """
    std, robust = (
        joint_std(series["joint_acceleration"], measure) for measure in (standard_deviation, robust_standard_deviation)
    )
    is_sure = np.array([not name.endswith((*_UNSURE, *_STILL)) for name in SMPL_JOINT_NAMES])
    if (robust[is_sure] == 0).any():
        still = SMPL_JOINT_NAMES[int(np.flatnonzero(is_sure & (robust == 0))[0])]
        raise InputError(f"The joint '{still}' does not turn in any recording: give recordings of moving people.")
    ratio = np.median(std[is_sure] / robust[is_sure])
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        if name.endswith(_UNSURE):
            std[joint] = ratio * robust[joint]
        elif name.endswith(_STILL):
            std[joint], robust[joint] = std[SMPL_PARENTS[joint]], robust[SMPL_PARENTS[joint]]
    return {
        "root_acceleration_std": root_std(series["root_acceleration"], standard_deviation),
        "root_acceleration_robust_std": root_std(series["root_acceleration"], robust_standard_deviation),
        "joint_acceleration_std": std,
        "joint_acceleration_robust_std": robust,
        "frame_time": np.array(frame_time),
    }


def correlation(series: Series, lag: int) -> float:
    """Correlation of values `lag` frames apart, over all subjects and axes; axes that never move do not count."""
    products, squares = 0.0, 0.0
    for part in (part for parts in series.values() for part in parts if len(part) > lag):
        rows = part.reshape(len(part), -1)
        rows = rows / np.maximum(rows.std(axis=0), 1e-9)
        products += float((rows[lag:] * rows[:-lag]).mean())
        squares += float((rows**2).mean())
    return products / squares


def summary(series: dict[str, Series]) -> dict[str, float | dict[str, float]]:
    """One row of the report: medians over joints and means over axes, and how long accelerations last."""
    row: dict[str, float | dict[str, float]] = {}
    for name, measure in (("std", standard_deviation), ("robust_std", robust_standard_deviation)):
        for kind in ("acceleration", "jerk"):
            row[f"root_{kind}_{name}"] = round(float(root_std(series[f"root_{kind}"], measure).mean()), 2)
            row[f"joint_{kind}_{name}"] = round(float(np.median(joint_std(series[f"joint_{kind}"], measure))), 1)
    for name in ("root", "joint"):
        row[f"{name}_correlation"] = {
            str(lag): round(correlation(series[f"{name}_acceleration"], lag), 2) for lag in LAGS
        }
    return row


def metres_of_a_leg() -> float:
    """Of the open body's mean shape."""
    body = load_body()
    return leg_length(np.asarray(body.with_shape(np.zeros(1)).rest_joints, float), body.joint_names)


def main(folder: Annotated[Path, tyro.conf.Positional], out: Path, report: Path | None = None) -> None:
    """Learn the motion prior from clips with a frame rate and a path.

    Args:
        folder: Motion folder, see smplify_jax.learn.mocap.recordings.load_recordings; only its train split is read.
        out: The .npz to write.
        report: Write the printed statistics there too, as JSON.
    """
    clips, metres_per_leg = load_recordings(folder, "train"), metres_of_a_leg()
    table = {}
    for step in STEPS:
        frame_time = float(step) / clips[0].fps
        series = collect(clips, step, metres_per_leg)
        table[f"{frame_time:.4f} s"] = summary(series)
        if step == 1:
            prior = learn(series, frame_time)
            with atomic_write(out) as file:
                np.savez_compressed(
                    file, allow_pickle=False, **{name: array.astype(np.float32) for name, array in prior.items()}
                )
            learned = {name: np.round(array, 4).tolist() for name, array in prior.items()}
    text = json.dumps({"frame_times": table, "prior": learned}, indent=2)
    print(text)
    if report is not None:
        report.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)

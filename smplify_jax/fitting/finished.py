"""From what a fit of frames found to the fields of a result: statuses, and NaN where there is no body."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.fitting.frames import Frames
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import MAX_ERROR_2D, FitStatus

_KNOWN = ("betas", "global_orient", "body_pose", "transl", "joints", "joints_std")


def finished(
    frames: Frames,
    described: dict[str, Any],
    *,
    num_steps: np.ndarray,
    is_converged: np.ndarray,
    is_finite: np.ndarray,
) -> dict[str, Any]:
    """The fields of a result but its body and layout.

    Args:
        frames: that were fitted, T of them.
        described: fields by name, with a leading axis T, and `error_2d`.
        num_steps: (T,) of the search that a frame was part of.
        is_converged: (T,) whether that search converged.
        is_finite: (T,) whether its energy was finite.
    """
    fields = dict(described)
    error_2d = fields.pop("error_2d")
    status = np.where(is_converged, FitStatus.CONVERGED, FitStatus.STEP_LIMIT)
    status = np.where(frames.is_seen & (error_2d > MAX_ERROR_2D), FitStatus.POOR_FIT, status)
    status = np.where(frames.is_seen, status, FitStatus.FILLED)
    is_finite = is_finite & np.all(
        [np.isfinite(fields[name]).reshape(len(status), -1).all(1) for name in _KNOWN], axis=0
    )
    status = np.where(is_finite, status, FitStatus.NON_FINITE)
    status = np.where(frames.is_frame, status, frames.input_status).astype(np.int32)
    is_usable = _is_usable(status)
    fields["cost"] = sum(fields["cost_by_term"].values())
    unknown = np.full(len(status), np.nan, np.float32)
    features: dict[str, Any] = dict.fromkeys(QualityFeatures.__dataclass_fields__, unknown) | {"error_2d": error_2d}
    # Of views and points nobody knows how often they are good; for tracks, `track_quality` fills these in. A track has one start.
    fields |= {"quality": unknown, "start_margin": unknown, "quality_features": QualityFeatures(**features)}
    counts = {"status": status, "num_steps": np.where(is_usable, num_steps, 0).astype(np.int32)}
    return blanked(fields | counts)


def blanked(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a result with NaN where there is no body; `status` and `num_steps` stay.

    Not part of the compiled program: there, XLA computed anew for every field whether there is a body, which took a tenth of the time to
    compile.

    Args:
        fields: by name, each an array or a tree of arrays with a leading axis of people.
    """
    has_no_body = ~_is_usable(np.asarray(fields["status"]))
    if not has_no_body.any():
        return fields

    def blank(leaf: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
        values = np.array(leaf)
        values[has_no_body] = np.nan
        return values if isinstance(leaf, np.ndarray) else jnp.asarray(values)

    counts = {name: fields[name] for name in ("status", "num_steps")}
    return jax.tree.map(blank, {name: field for name, field in fields.items() if name not in counts}) | counts


def _is_usable(status: np.ndarray) -> np.ndarray:
    return np.isin(status, [one for one in FitStatus if one.is_usable])

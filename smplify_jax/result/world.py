"""Which way is up in the frame of a result. Exports ask this, and do not wait for JAX."""

from __future__ import annotations

from typing import Any

import numpy as np


def has_z_up(result: Any) -> bool:
    """Whether a result lives in a world, whose z is taken to point up, and not in the frame of a camera, with y down.

    Cameras that nobody calibrated are placed in the frame of the first, which is a camera's although there are several.
    """
    if result.extrinsics is None:
        return False
    rotation, translation = (np.asarray(array) for array in (result.extrinsics.rotation, result.extrinsics.translation))
    is_known = np.isfinite(translation[..., :1, :]).all(axis=(-2, -1))  # frames without a body do not say
    turned, moved = rotation[is_known][..., :1, :, :] - np.eye(3), translation[is_known][..., :1, :]
    return not (result.extrinsics.num_views and (turned == 0).all() and (moved == 0).all())

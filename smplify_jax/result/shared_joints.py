"""Which of SMPL's 24 joints, whose deviations a result has, each joint of a body belongs to."""

from __future__ import annotations

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES


def joints_of_weights(body: BodyModel) -> np.ndarray:
    """(J,) for each joint of the body SMPL's joint that it is, or that it hangs on: fingers hang on wrists."""
    found: list[int] = []
    for name, parent in zip(body.joint_names, body.parents, strict=True):
        found.append(SMPL_JOINT_NAMES.index(name) if name in SMPL_JOINT_NAMES else found[parent])
    return np.array(found)

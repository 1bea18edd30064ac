"""The capsules of a posed body."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.capsules import PART_JOINTS
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError


def posed_capsules(
    body: BodyModel, *, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
) -> tuple[Array, Array]:
    """Where the capsules of one body are.

    Args:
        body: with capsules; see `with_capsules`.
        betas: (n,) shape coefficients, n at most `body.num_betas`.
        global_orient: (3,) axis-angle [rad].
        body_pose: (3 m,) axis-angle of the joints 1..m [rad].
        transl: (3,) [m].
    Returns:
        The centres (C, 2, 3) of the round ends and the radii (C,) [m], in the order of `PARTS`.
    Raises:
        InputError: the body has no capsules.
    """
    if body.capsules is None:
        raise InputError(f"The body {body.name!r} has no capsules: add some with with_capsules.")
    return _posed(body, *(jnp.asarray(one, jnp.float32) for one in (betas, global_orient, body_pose, transl)))


@jax.jit
def _posed(body: BodyModel, betas: Array, global_orient: Array, body_pose: Array, transl: Array) -> tuple[Array, Array]:
    assert body.capsules is not None
    posed = body.with_shape(betas).with_pose(global_orient, body_pose)
    joints = np.array([body.joint_names.index(joint) for joint in PART_JOINTS.values()])
    turned = jnp.einsum("cij,cej->cei", posed.rotations[joints], body.capsules.ends(betas))
    return turned + (posed.joints[joints] + transl)[:, None], body.capsules.radii(betas)

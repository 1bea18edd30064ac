"""A result in the words of other programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.errors import InputError


def to_smplify(result: Any) -> dict[str, np.ndarray]:
    """The keys that the original SMPLify of 2016 writes for a picture, and the principal point.

    Returns:
        cam_t (..., 3), the camera's translation, which is `transl` [m]; f (..., 2), the focal lengths along x and y [px];
        pose (..., 72) [rad], zero for hands that the body lacks; betas (..., B); and c (..., 2), the principal point [px], which the
        original lacks: it assumes the picture's centre.
    Raises:
        InputError: the result has several cameras, or none.
    """
    if result.extrinsics is not None:
        raise InputError(
            "SMPLify's keys are for one picture, and this result lives in the world of several or none: write result.in_view(v)."
        )
    pose = np.concatenate([result.global_orient, result.body_pose], axis=-1)
    missing = np.zeros((*pose.shape[:-1], 72 - pose.shape[-1]), pose.dtype)
    return {
        "cam_t": np.array(result.transl),
        "f": np.array(result.camera.focal_length),
        "pose": np.concatenate([pose, missing], axis=-1),
        "betas": np.array(result.betas),
        "c": np.array(result.camera.camera_center),
    }


def to_smplx(result: Any) -> dict[str, np.ndarray]:
    """Keyword arguments for the forward pass of a model of the package smplx.

    `model(**{name: torch.as_tensor(array) for name, array in result.to_smplx().items()})` gives the vertices of `vertices()`, if the
    model is the body that was fitted and was made with `batch_size=len(result)`. Models with fingers must also be made with
    `use_pca=False, flat_hand_mean=True`, for hands at rest. People who could not be fitted are all NaN.

    Returns:
        betas (B, num_betas), global_orient (B, 3), body_pose (B, 69) or (B, 63), transl (B, 3): always batched, float32, contiguous
        and writable. body_pose has 69 numbers for SMPL; for SMPL-H and SMPL-X it has 63, because they have fingers in place of
        SMPL's two hand joints.
    """
    names = ("betas", "global_orient", "body_pose", "transl")
    return {name: np.array(np.atleast_2d(getattr(result, name)), np.float32, order="C") for name in names}

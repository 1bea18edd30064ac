"""Keypoints prepared for the data term, and what is wrong with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.camera.observed import MAX_COORDINATE, is_observed
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

MAX_FRACTION = 2.0
"""[px] A real person's keypoints extend over more pixels than this; smaller coordinates are fractions, from 0 to 1 or from -1 to 1."""


def clean_keypoints(keypoints: ArrayLike) -> np.ndarray:
    """Prepare keypoints for the data term: rows are either observations or zeros.

    Args:
        keypoints: (K, 3) or (B, K, 3) rows x, y [px], confidence.

    Returns:
        A float32 copy of the same shape. Keypoints that were not observed are (0, 0, 0). A confidence is a probability,
        so values above 1 become 1: visibility flags 1 and 2 both mean "annotated", and larger scores of a detector would
        outweigh the priors by the square of their scale. Divide such scores by their scale beforehand to keep their
        differences; dividing by the highest score of the batch would make one person's fit depend on another person.
        Points outside the picture stay: truncated people have them (see `drop_outside`).

    Raises:
        InputError: another shape, or values that are not real numbers.
    """
    cleaned = zero_unobserved(keypoints)
    np.minimum(cleaned[..., 2], 1.0, out=cleaned[..., 2])
    return cleaned


def zero_unobserved(keypoints: ArrayLike) -> np.ndarray:
    """A float32 copy with rows of zeros for keypoints that were not observed; confidences above 1 stay as they are.

    Args:
        keypoints: (K, 3) or (B, K, 3) rows x, y [px], confidence.

    Returns:
        float32 array of the same shape. A confidence too large for float32 is treated as not finite.

    Raises:
        InputError: another shape, or values that are not real numbers.
    """
    values = check_keypoints(keypoints)
    with np.errstate(over="ignore", invalid="ignore"):  # overflow to infinity is what the next line looks for
        copied = values.astype(np.float32)
    copied[~is_observed(copied)] = 0.0
    return copied


def are_mostly_outside(keypoints: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """Whether more than half of a person's keypoints lie outside the picture, which suggests that it had another size.

    Args:
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        image_size: (B, 2) width and height [px]; NaN where unknown.
    Returns:
        (B,) bool.
    """
    is_seen = keypoints[..., 2] > 0
    return 2 * (_are_outside(keypoints, image_size) & is_seen).sum(axis=1) > is_seen.sum(axis=1)


def extent_px(keypoints: np.ndarray) -> np.ndarray:
    """Longer side (...,) of the box around a person's keypoints [px]; 0 without keypoints.

    Args:
        keypoints: (..., K, 3) cleaned: x, y [px], confidence; an array of NumPy or of JAX.
    """
    xp, is_seen = keypoints.__array_namespace__(), keypoints[..., 2:] > 0
    low = xp.where(is_seen, keypoints[..., :2], MAX_COORDINATE).min(axis=-2, initial=MAX_COORDINATE)
    high = xp.where(is_seen, keypoints[..., :2], -MAX_COORDINATE).max(axis=-2, initial=-MAX_COORDINATE)
    return xp.maximum((high - low).max(axis=-1), 0.0)


def _are_outside(keypoints: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """Whether points (..., K) lie outside their picture of (..., 2) pixels; false if its size is not known."""
    points, size = keypoints[..., :2], np.asarray(image_size)[..., None, :]
    return np.any((points < 0) | (points > size), axis=-1) & np.all(np.isfinite(size), axis=-1)


def drop_outside(keypoints: ArrayLike, image_size: ArrayLike) -> np.ndarray:
    """Set the rows of keypoints outside the picture to zero.

    Args:
        keypoints: (K, 3) or (B, K, 3) rows x, y [px], confidence.
        image_size: (2,) or (B, 2) width and height [px]; where it is NaN the size is unknown and nothing is dropped.

    Returns:
        A float32 copy of the same shape; confidences above 1 stay as they are.

    Raises:
        InputError: the shapes do not match, or values are not real numbers.
    """
    inside = zero_unobserved(keypoints)
    size = np.asarray(image_size)
    if size.dtype.kind not in "iuf" or size.shape not in {(2,), (*inside.shape[:-2], 2)}:
        raise InputError(
            f"image_size has shape {size.shape} and type {size.dtype}; expected (width, height), or one row of it "
            f"for each of the people in keypoints of shape {inside.shape}"
        )
    inside[_are_outside(inside, size)] = 0.0
    return inside


def check_keypoints(keypoints: ArrayLike) -> np.ndarray:
    """Keypoints as an array; only their shape and type are checked.

    Args:
        keypoints: (K, 3) or (B, K, 3) rows x, y [px], confidence.

    Raises:
        InputError: another shape, or values that are not real numbers.
    """
    values = host_array(keypoints, "keypoints")
    if values.ndim not in (2, 3) or values.shape[-1] != 3:
        raise InputError(
            f"keypoints have shape {values.shape}; expected (K, 3) or (B, K, 3) with rows x, y [px], confidence"
        )
    return values

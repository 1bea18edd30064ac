"""Arrays and pictures as text in a page: small numbers in base64, and JPEG within a budget of bytes."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

_QUALITIES = ((1280, 82), (960, 78), (640, 74), (480, 68), (320, 60))
"""Longest side [px] of a picture on a page and JPEG quality, from the best to the smallest: smaller ones show nobody."""

MAX_WEIGHTS = 8
"""Joints per vertex that are kept; SMPL's bodies have four."""


def packed(array: np.ndarray) -> dict[str, Any]:
    """An array as it is, of a type that browsers have: 8, 16 or 32 bits."""
    rows = np.ascontiguousarray(array)
    if rows.dtype == np.float64:
        rows = rows.astype(np.float32)
    content = rows.astype(rows.dtype.newbyteorder("<")).tobytes()
    return {"type": rows.dtype.name, "shape": list(rows.shape), "data": base64.b64encode(content).decode()}


def quantized(array: np.ndarray, dtype: type[np.signedinteger] = np.int16) -> dict[str, Any]:
    """A finite array as whole numbers times a scale, off by at most half of that scale: largest value / 32,767, or 127 for int8."""
    steps = int(np.iinfo(dtype).max)
    scale = float(np.abs(array).max(initial=0.0)) / steps or 1.0
    return packed(np.rint(array / scale).astype(dtype)) | {"scale": scale}


def skin(lbs_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The joints (V, n) uint8 that move each vertex, most first, and their shares (V, n) uint16 of 65,535; n is at most `MAX_WEIGHTS`."""
    count = min(MAX_WEIGHTS, max(1, int((lbs_weights > 1e-4).sum(axis=1).max())))
    joints = np.argsort(-lbs_weights, axis=1, kind="stable")[:, :count]
    weights = np.maximum(np.take_along_axis(lbs_weights, joints, axis=1), 0).astype(np.float64)
    shares = np.rint(65535 * weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)).astype(np.int64)
    # Shares that do not sum to one would move a body that is far from the origin.
    shares[:, 0] += 65535 - shares.sum(axis=1)
    return np.where(shares > 0, joints, 0).astype(np.uint8), shares.astype(np.uint16)


def jpeg(image: np.ndarray, longest: int, quality: int) -> str:
    """A (H, W, 3 or 4) uint8 picture as a data URL, scaled down to a longest side [px]; what is transparent becomes white."""
    picture = Image.fromarray(image)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def encoding_for(sample: np.ndarray, num_pictures: int, budget: int) -> tuple[int, int, int]:
    """How to encode many pictures of which this is one.

    Args:
        sample: (H, W, 3) uint8.
        num_pictures: that there are.
        budget: characters for all of them.
    Returns:
        Longest side [px], JPEG quality, and the stride: 1 to keep every picture, n to keep every n-th.
    """
    size = 1
    for longest, quality in _QUALITIES:
        size = len(jpeg(sample, longest, quality))
        if size * num_pictures <= budget:
            return longest, quality, 1
    longest, quality = _QUALITIES[-1]
    return longest, quality, -(-size * num_pictures // max(budget, 1))

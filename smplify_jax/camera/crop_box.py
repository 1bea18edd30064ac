"""The box around a person, in the conventions of datasets and networks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError

SPIN_BOX_UNIT = 200.0
"""SPIN and its successors give the side of a person's box in units of 200 px, the body height that MPII's annotations refer to."""

SPIN_BOX_FACTOR = 1.2
"""How much larger than the person SPIN's boxes are by default."""


@dataclass(frozen=True)
class CropBox:
    """The part of a picture that shows a person, as datasets give it.

    Attributes:
        center: x, y [px].
        size: width, height [px].
        has_margin: whether it leaves room around the person, as SPIN's boxes do; tight boxes, such as COCO's, do not. `==` ignores it:
            boxes that cover the same part of a picture are equal.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    has_margin: bool = field(default=False, compare=False)

    @property
    def side(self) -> float:
        """Side of the square around the box [px]: what a network cuts out."""
        return max(self.size)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height [px], as in COCO."""
        (x, y), (width, height) = self.center, self.size
        return x - width / 2, y - height / 2, width, height

    @property
    def spin_scale(self) -> float:
        """SPIN's `scale`, the side in units of 200 px."""
        return self.side / SPIN_BOX_UNIT

    @property
    def crop_factor(self) -> float:
        """How much larger than the box SPIN's training crop would be: 1 if there is a margin already."""
        return 1.0 if self.has_margin else SPIN_BOX_FACTOR

    @classmethod
    def from_xywh(cls, x: float, y: float, width: float, height: float) -> CropBox:
        """From left, top, width, height [px]."""
        return cls((x + width / 2, y + height / 2), (width, height))

    @classmethod
    def from_xyxy(cls, left: float, top: float, right: float, bottom: float) -> CropBox:
        """From two corners [px]."""
        return cls.from_xywh(left, top, right - left, bottom - top)

    @classmethod
    def from_spin(cls, center: ArrayLike | None, scale: ArrayLike | None) -> CropBox:
        """From `center` [px] and `scale` [200 px] of SPIN's npz, and of the tar files of 4D-Humans; these boxes have a margin.

        Args:
            center: (2,).
            scale: a number for a square, or (2,) width and height.
        """
        return cls.from_center_and_size(center, SPIN_BOX_UNIT * _numbers(scale))

    @classmethod
    def from_center_and_size(cls, center: ArrayLike | None, size: ArrayLike | None) -> CropBox:
        """From a centre and a size both in pixels, as in the npz files of 4D-Humans (whose size is called `scale`, too), with a margin.

        Args:
            center: (2,).
            size: a number (or (1,)) for a square, or (2,) width and height.

        Raises:
            InputError: other shapes, or a size that is not finite and positive.
        """
        middle, extent = _numbers(center), np.atleast_1d(_numbers(size))
        if middle.shape != (2,) or extent.shape not in ((1,), (2,)):
            raise InputError(
                f"a box has a center of shape {middle.shape} and a size of shape {extent.shape}; expected (2,), and () or (2,)"
            )
        if not np.isfinite(middle).all() or not (np.isfinite(extent) & (extent > 0)).all():
            raise InputError(
                f"a box has center {middle.tolist()} and size {extent.tolist()}; expected finite, positive pixels"
            )
        width, height = np.broadcast_to(extent, (2,)).tolist()
        x, y = middle.tolist()
        return cls((x, y), (width, height), has_margin=True)

    def enlarged(self, factor: float = SPIN_BOX_FACTOR) -> CropBox:
        """The box `factor` times as large around the same centre."""
        return CropBox(self.center, (factor * self.size[0], factor * self.size[1]), has_margin=True)


def _numbers(value: ArrayLike | None) -> np.ndarray:
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c":
            raise TypeError("complex numbers")
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("a box is not made of numbers; expected a center and a size") from error

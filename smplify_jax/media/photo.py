"""`fit_photo`: a picture in, the bodies of the people in it out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.detectors.detect import detect_in_photo
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import get_detector
from smplify_jax.errors import InputError
from smplify_jax.files.images import load_photo, save_image
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.pictures.fit_overlay import draw_fit
from smplify_jax.pictures.overlay import DEFAULT_STYLE, OverlayStyle
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.result.person_files import write_arrays


@dataclass(frozen=True, eq=False)
class PhotoFit:
    """The people of one picture.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        keypoints: of B people, with names from the picture's file.
        result: of the same people, in the same order.
    """

    image: np.ndarray
    keypoints: KeypointSet
    result: FitResult

    def overlay(self, style: OverlayStyle = DEFAULT_STYLE) -> np.ndarray:
        """(H, W, 4) uint8 RGBA: everybody over the picture, nearer bodies before farther ones; scaled down to `style.max_side`."""
        return draw_fit(self.result, self.keypoints.keypoints, self.image, style=style)

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write NAME.npz and NAME.obj for each person with a body, and one overlay of everybody, as `smplify-fit` does.

        Args:
            folder: created if necessary.
        Returns:
            The files.
        Raises:
            InputError: a file cannot be written.
        """
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        written = []
        for k, name in enumerate(self.keypoints.names):
            person = self.result[k]
            if not FitStatus(int(person.status)).is_usable:
                continue
            written += [out / f"{name}.npz", out / f"{name}.obj"]
            keypoints, size = self.keypoints.keypoints[k], self.keypoints.image_size[k]
            write_arrays(written[-2], person, keypoints=keypoints, image_size=size)
            person.export(written[-1])
        written.append(out / overlay_name(self.keypoints.names, is_shared=len(self.keypoints) > 1))
        save_image(written[-1], self.overlay())
        return tuple(written)


def overlay_name(names: tuple[str, ...], *, is_shared: bool) -> str:
    """Name of the overlay of the people in one picture: of one person theirs, of several that of the picture."""
    return f"{names[0].rpartition('_')[0] if is_shared else names[0]}_overlay.png"


def fit_photo(
    path: str | os.PathLike[str],
    *,
    detector: str | Detector | None = None,
    out: str | os.PathLike[str] | None = None,
    camera: float | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | None = None,
    profile: str | Profile = "default",
    num_betas: int = 10,
) -> PhotoFit:
    """Find the people in a picture, and fit a body to each.

    Args:
        path: a picture: JPEG, PNG, TIFF, WebP or BMP, and HEIC with the package pillow-heif.
        detector: as for `detect`.
        out: folder for the files of `PhotoFit.save`; None writes nothing.
        camera: focal length [px]; by default that in the picture's EXIF, else as `fit` assumes it.
        body: as for `fit`.
        prior: as for `fit`.
        profile: as for `fit`.
        num_betas: as for `fit`.

    Raises:
        InputError: the picture cannot be read, the detector is not installed or finds nobody, or an argument cannot be used.
    """
    chosen = detector if detector is not None and not isinstance(detector, str) else get_detector(detector)
    photo = load_photo(path)
    found = detect_in_photo(photo, Path(path).name, chosen)
    if not len(found):
        raise InputError(nobody_in(path, chosen))
    focal_length = float(found.focal_length[0])
    if camera is None and np.isfinite(focal_length):
        camera = focal_length
    result = fit(found, camera=camera, body=body, prior=prior, profile=profile, num_betas=num_betas)
    fitted = PhotoFit(photo.image, found, result)
    if out is not None:
        fitted.save(out)
    return fitted


def nobody_in(path: str | os.PathLike[str], detector: Detector) -> str:
    """A sentence about a picture without people."""
    return f"{path}: {detector.name} finds nobody in this picture"

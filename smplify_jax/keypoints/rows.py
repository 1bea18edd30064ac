"""What keypoint files are to a fit: a row for each person, for each record that is none, and for each file of something else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.camera.crop_box import CropBox


@dataclass(frozen=True, eq=False)
class DatasetRow:
    """One person to fit.

    Attributes:
        id: unique in the dataset, and the same whenever the same files are read: the file and the place in it.
        keypoints: (K, 3) float32 rows x, y [px, from the picture's top left corner], confidence in [0, 1]; what is no
            observation is a row of zeros.
        layout: name of the keypoints' layout.
        file: the file, from the dataset's folder on.
        position: the place in the file, such as "annotations[12]".
        source_id: what the dataset itself calls the record, "" where it has no name for it.
        image: the picture's name as the dataset has it, "" if unknown; without an ending where the format leaves it out and
            the picture was not found either.
        image_size: width and height [px], None if unknown.
        focal_length: [px], None if unknown.
        camera_center: principal point [px], None if unknown.
        box: the person's box, None if unknown; SPIN's `center` and `scale` and their likes are this box, too.
        gender: "female", "male" or "neutral", None if unknown.
        track_id: what the dataset calls the person through the frames of a video, "" where it does not say.
        name: what the dataset calls the person, "" where it has no names for people; see `person_names`.
    """

    id: str
    keypoints: np.ndarray
    layout: str
    file: str
    position: str
    source_id: str = ""
    image: str = ""
    image_size: tuple[float, float] | None = None
    focal_length: float | None = None
    camera_center: tuple[float, float] | None = None
    box: CropBox | None = None
    gender: str | None = None
    track_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class RejectedRow:
    """A record, or the rest of a file, that cannot be used.

    Attributes:
        file: the file, from the dataset's folder on.
        position: the place in the file, "" for all of it.
        reason: one sentence.
    """

    file: str
    position: str
    reason: str

    @property
    def sentence(self) -> str:
        """The reason, with the place before it."""
        place = f"'{self.file}', {self.position}" if self.position else f"'{self.file}'"
        # The reason may name the file itself.
        return self.reason if place.strip("'") in self.reason else f"{place}: {self.reason}"


@dataclass(frozen=True)
class PassedFile:
    """A file of a folder that holds something else than keypoints, such as settings beside them.

    Attributes:
        file: from the folder on.
        reason: what it is.
    """

    file: str
    reason: str

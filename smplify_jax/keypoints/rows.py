"""Rows that readers yield: one for each person, each rejected record, and each file that is not a keypoint file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.camera.crop_box import CropBox


@dataclass(frozen=True, eq=False)
class DatasetRow:
    """One person to fit.

    Attributes:
        id: unique in the data set, and the same whenever the same files are read: the file and the position in it.
        keypoints: (K, 3) float32 rows x, y [px, from the picture's top left corner], confidence in [0, 1]; zeros for a
            keypoint that was not observed.
        layout: name of the keypoints' layout.
        file: the file's path relative to the data set's folder.
        position: the position in the file, such as "annotations[12]".
        source_id: the data set's id of the record, "" if it has none.
        image: the picture's name in the data set, "" if unknown; without a suffix if the format leaves it out and the picture
            was not found.
        image_size: width and height [px], None if unknown.
        focal_length: [px], None if unknown.
        camera_center: principal point [px], None if unknown.
        box: the person's box, None if unknown; also from SPIN's `center` and `scale` and similar fields.
        gender: "female", "male" or "neutral", None if unknown.
        track_id: the data set's id of the person through the frames of a video, "" if it has none.
        frame: number of the frame in its video where the file states it, None elsewhere; see `smplify_jax.keypoints.videos`.
        name: the data set's name of the person, "" if it has none; see `person_names`.
        video: name of the video whose tracks are fitted; then `frame` is known, and `track_id` is unlike that of any other track of the
            video. "" for people who are fitted by themselves.
        time: of the frame in its video [s], None for people who are fitted by themselves.
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
    frame: int | None = None
    name: str = ""
    video: str = ""
    time: float | None = None


@dataclass(frozen=True)
class RejectedRow:
    """A record, or the rest of a file, that cannot be used.

    Attributes:
        file: the file's path relative to the data set's folder.
        position: the position in the file, "" for the whole file.
        reason: one sentence.
    """

    file: str
    position: str
    reason: str

    @property
    def sentence(self) -> str:
        """The reason, preceded by the file and position."""
        place = f"'{self.file}', {self.position}" if self.position else f"'{self.file}'"
        # The reason may name the file itself.
        return self.reason if place.strip("'") in self.reason else f"{place}: {self.reason}"


@dataclass(frozen=True)
class PassedFile:
    """A file of a folder that holds something other than keypoints, such as settings.

    Attributes:
        file: the file's path relative to the folder.
        reason: what it is.
    """

    file: str
    reason: str

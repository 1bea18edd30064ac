"""OpenPose's JSON: one file for each picture, with `people`; see `smplify_jax.keypoints.openpose` for its keys.

A dataset is a folder of such files, in subfolders or not. OpenPose says neither the picture's size nor its ending.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import stream_list
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source
from smplify_jax.keypoints.openpose import image_name_of, read_person


def recognises(head: FileHead) -> bool:
    """A JSON object with `people`."""
    return head.kind == "json object" and "people" in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person in the picture's list."""

    def make(position: str, person: Any) -> FoundPerson:
        rows, layout = read_person(person, source.options.layout, "the person")
        # The picture lies in its folder as the file does in the folder of keypoints.
        path = PurePosixPath(source.name)
        return found_person(source, position, rows, layout, image=str(path.with_name(image_name_of(path.stem))))

    return rows_of(source, stream_list(source.path, "people"), make)


FORMAT = KeypointFormat(
    "openpose",
    "OpenPose's JSON, with people",
    recognises,
    read,
    content="OpenPose's JSON, one file a picture: `people` with `pose_keypoints_2d` (or `pose_keypoints`, before version 1.2)",
    layouts="25: `openpose25`; 18: `openpose18`",
)

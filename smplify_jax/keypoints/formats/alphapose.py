"""AlphaPose's JSON: a list of people like COCO's results, with the picture's name as `image_id` and the box as `box`.

17 keypoints are COCO's, 26 and 136 HALPE's (body and feet are kept), 133 COCO-WholeBody's, 16 MPII's of its first version.
Its documentation gives confidences up to 1, and up to 6 for models trained on COCO, whose heat maps it sums; nothing in the
file tells which. They are cut at 1, so that a sum above 1 is what it says, surely seen.
Source: AlphaPose's documentation, "Output format".
"""

from __future__ import annotations

from collections.abc import Iterator

from smplify_jax.keypoints.coco import LAYOUT_BY_COUNT
from smplify_jax.keypoints.formats.coco_results import read_results
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source

_LAYOUT_BY_COUNT = {**LAYOUT_BY_COUNT, 16: "mpii16"}


def recognises(head: FileHead) -> bool:
    """A JSON list of objects with `keypoints`, of pictures that have names and not numbers."""
    has_keypoints = head.kind == "json list" and "keypoints" in head.names
    return has_keypoints and isinstance(head.first.get("image_id"), str)


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""
    return read_results(source, _LAYOUT_BY_COUNT, "box")


FORMAT = KeypointFormat(
    "alphapose",
    "AlphaPose's JSON list, image_id being a name",
    recognises,
    read,
    content="AlphaPose's JSON list: `image_id` (a name), `keypoints`, `box`",
    layouts="as `coco`, and 16: `mpii16`",
)

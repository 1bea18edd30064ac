"""The one table of keypoint formats, which everything that reads keypoints uses: `load_keypoints`, `read_dataset`, both programs.

A new format is a file in this folder with a `FORMAT`, and a row here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from smplify_jax.keypoints.formats.reading import KeypointFormat

_MODULES = {
    "openpose": "openpose",
    "ultralytics": "ultralytics",
    "easymocap": "easymocap",
    "coco": "coco",
    "mmpose": "mmpose",
    "mediapipe": "mediapipe",
    "mpii": "mpii_json",
    "easy-vitpose": "easy_vitpose",
    "alphapose": "alphapose",
    "coco-results": "coco_results",
    "spin": "spin",
    "bedlam": "bedlam",
    "4dhumans": "hmr2",
    "4dhumans-tar": "hmr2_tar",
    "parquet": "parquet",
    "npz": "own_npz",
    "lsp": "lsp",
    "deeplabcut": "deeplabcut",
    "cvat": "cvat",
    "yolo": "yolo_labels",
}
"""Module by format name, in the order in which files are tried. The modules need NumPy, for which `--help` should not wait."""

FORMAT_NAMES = tuple(_MODULES)
"""What users call the formats."""

_READ_AS = {"coco": ("coco", "alphapose", "coco-results")}
"""COCO defines annotations and results; whoever says "coco" may mean either."""


class _Formats(Mapping[str, "KeypointFormat"]):
    """Formats by name, each imported when it is first asked for."""

    def __getitem__(self, name: str) -> KeypointFormat:
        return _load(_MODULES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


@cache
def _load(module: str) -> KeypointFormat:
    return import_module(f"{__package__}.{module}").FORMAT


FORMATS: Mapping[str, KeypointFormat] = _Formats()
"""Every keypoint format by name, in the order in which files are tried."""


def get_formats(name: str | None) -> list[KeypointFormat]:
    """The format of that name, and for "coco" also that of COCO's results; all of them for None.

    Raises:
        InputError: no format has that name; the message lists the known ones.
    """
    if name is None:
        return list(FORMATS.values())
    check_format(name)
    return [FORMATS[one] for one in _READ_AS.get(name, (name,))]


def check_format(name: str | None) -> None:
    """Check a name without importing any format.

    Raises:
        InputError: no format has that name; the message lists the known ones.
    """
    if name is not None and name not in _MODULES:
        raise InputError(f"there is no keypoint format '{name}'; use one of {', '.join(FORMAT_NAMES)}")


def formats_table() -> str:
    """The table of formats in Markdown, as the documentation shows it."""
    rows = ((f"`{known.name}`", known.content or known.description, known.layouts) for known in FORMATS.values())
    lines = ["| format | content | layout |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"

"""`read_dataset`: people of a file or a folder, in any format of datasets that the library reads, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats import (
    alphapose,
    bedlam,
    coco,
    coco_results,
    cvat,
    deeplabcut,
    hmr2,
    hmr2_tar,
    mediapipe,
    mmpose,
    openpose,
    own_npz,
    parquet,
    spin,
)
from smplify_jax.keypoints.formats.reading import OTHER_FILE, DatasetFormat, FileHead, ReadOptions, Row, Source
from smplify_jax.keypoints.formats.recognition import read_head
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import RejectedRow

DATASET_FORMATS: dict[str, DatasetFormat] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        openpose,
        coco,
        mmpose,
        mediapipe,
        alphapose,
        coco_results,
        spin,
        bedlam,
        hmr2,
        hmr2_tar,
        parquet,
        own_npz,
        deeplabcut,
        cvat,
    )
}
"""Every format of datasets by name, in the order in which files are tried."""

_ENDINGS = (".json", ".npz", ".tar", ".parquet", ".csv", ".xml")
_NO_OPTIONS = ReadOptions()


def read_dataset(
    path: str | os.PathLike[str], format: str | None = None, options: ReadOptions = _NO_OPTIONS
) -> Iterator[Row]:
    """Read the people of a dataset, holding a few of them in memory at a time.

    Args:
        path: a file with any name, or a folder, whose files and subfolders are read in the order of their names; of a
            folder, those that end in .json, .npz, .tar, .parquet, .csv or .xml.
        format: a key of `DATASET_FORMATS`; by default recognised by how a file begins.
        options: what the files do not say.

    Yields:
        A `DatasetRow` for each person and a `RejectedRow` for each record that cannot be used, in the order of the files; of
        a folder, a `RejectedRow` also for a file that cannot be used.

    Raises:
        InputError: there is no such path, format or layout; the file cannot be used at all; or the folder has no file
            that can.
    """
    root = Path(path)
    formats = get_formats(format)
    if options.layout is not None:
        get_layout(options.layout)
    if root.is_dir():
        return _read_folder(root, formats, options)
    if not root.exists():
        raise InputError(f"there is no file or folder '{path}'; check the path")
    return _read_file(Source(root, root.name, options), formats)


def get_formats(name: str | None) -> list[DatasetFormat]:
    """The format of that name; all of them for None.

    Raises:
        InputError: no format has that name; the message lists the known ones.
    """
    if name is None:
        return list(DATASET_FORMATS.values())
    if name not in DATASET_FORMATS:
        raise InputError(f"there is no dataset format '{name}'; use one of {', '.join(DATASET_FORMATS)}")
    return [DATASET_FORMATS[name]]


def _read_file(source: Source, formats: list[DatasetFormat]) -> Iterator[Row]:
    head = read_head(source.path)
    chosen = next((known for known in formats if known.recognises(head)), None)
    if chosen is None:
        known = ", ".join(known.name for known in formats)
        raise InputError(f"'{source.path}' is {_described(head)}, which is no known format of datasets ({known})")
    return chosen.read(source)


def _read_folder(root: Path, formats: list[DatasetFormat], options: ReadOptions) -> Iterator[Row]:
    num_files = num_usable = 0
    for path in _files(root, options):
        num_files += 1
        name = path.relative_to(root).as_posix()
        try:
            yield from _read_file(Source(path, name, options), formats)
        except InputError as error:
            yield RejectedRow(name, "", str(error))
        else:
            num_usable += 1
    if not num_usable:
        raise InputError(
            f"the folder '{root}' has no dataset file that can be read among its {num_files} files that end in "
            f"{', '.join(_ENDINGS)}"
        )


def _files(folder: Path, options: ReadOptions) -> Iterator[Path]:
    """The files of a folder and its subfolders in the order of their names, hidden ones left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"the folder '{folder}' cannot be read: {error.strerror or error}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(Path(entry.path), options)
        elif entry.name.lower().endswith(_ENDINGS):
            yield Path(entry.path)
        else:
            options.pass_over(OTHER_FILE)


def _described(head: FileHead) -> str:
    names = ", ".join(name[:40] for name in head.names[:8])
    if head.kind == "npz":
        return f"an .npz with the arrays {names}" if names else "an .npz without arrays, or a damaged one"
    if head.kind in ("json object", "json list"):
        what = "a JSON object" if head.kind == "json object" else "a JSON list of objects"
        return f"{what} with the keys {names}" if names else "JSON without the keys of one"
    return "neither JSON, .npz, tar nor Parquet" if head.kind == "unknown" else f"a {head.kind} file"

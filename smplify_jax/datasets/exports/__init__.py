"""Exports: from this package's Parquet files to the formats that trainers and viewers read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.person_files import write_amass, write_people, write_smpl
from smplify_jax.datasets.exports.spin import write_spin
from smplify_jax.datasets.exports.webdataset import write_4dhumans
from smplify_jax.datasets.parquet import fit_files
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write

Export = Callable[[Path, Path, ExportOptions], Exported]
"""Function that exports the fits of a file or folder (first argument) to a folder (second argument)."""

EXPORTS: dict[str, Export] = {
    "spin": write_spin,
    "4dhumans": write_4dhumans,
    "amass": write_amass,
    "smpl": write_smpl,
    "people": write_people,
}
"""Every export by name."""

LEFT_OUT = "left_out.jsonl"
"""File beside an export's files, with a line of JSON for each person whose picture cannot be used; absent if there is none."""


def get_export(name: str) -> Export:
    """The export of that name.

    Raises:
        InputError: no export has that name; the message lists the known ones.
    """
    if name not in EXPORTS:
        raise InputError(f"there is no export {name!r}; use one of {', '.join(EXPORTS)}")
    return EXPORTS[name]


def export_fits(
    fits: str | os.PathLike[str], name: str, out: str | os.PathLike[str], options: ExportOptions | None = None
) -> Exported:
    """Write fits in another format.

    Args:
        fits: a file that `write_fits` wrote, or a folder of them.
        name: a key of EXPORTS.
        out: folder for the files, created if necessary. Each file appears when it is complete; files of an earlier export of the same name
            that this export does not replace are removed.
        options: the defaults of `ExportOptions` by default.
    Returns:
        The written files, and who was left out: people whose picture is needed but cannot be used, and people whom the options exclude.
    Raises:
        InputError: there is no such export, there is nothing to read, nobody is left to export, or a file cannot be written.
    """
    write, source, folder = get_export(name), Path(fits), Path(out)
    fit_files(source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be created ({error.strerror}); choose another folder.") from error
    exported = write(source, folder, ExportOptions() if options is None else options)
    _write_left_out(folder / LEFT_OUT, exported)
    return exported


def _write_left_out(path: Path, exported: Exported) -> None:
    if not exported.missing:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as file:
        for one in exported.missing:
            file.write(json.dumps(vars(one), ensure_ascii=False).encode(errors="replace") + b"\n")

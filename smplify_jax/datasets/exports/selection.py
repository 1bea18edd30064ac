"""Who goes into an export: read once, so that the many passes of an export all see the same people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from smplify_jax.datasets.exports.exported import Exported, MissingPicture
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.pictures import ENDINGS, OutsideError, PictureFolder, has_ending
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.printable import printable

_COLUMNS = ("id", "image", "gender", "quality", "error_percent")

_NOT_FOUND, _UNKNOWN, _NO_KIND, _OUTSIDE = (
    "not there, or not readable",
    "its name is not known",
    "no kind of picture that the loader reads",
    "its name or a link leads out of the folder of pictures",
)

OPEN_BODY_NOTE = (
    "these are fits of the open body, whose betas are not SMPL's; exports say so, or leave the betas out where they cannot. Fit SMPL's own "
    "file with --body, or let loaders take them for SMPL's with --open-body-as-smpl."
)


@dataclass(frozen=True, eq=False)
class Selection:
    """People of a file or folder of fits.

    Attributes:
        fits: the file or folder.
        is_kept: (N,) of all its rows.
        endings: (N,) index in ENDINGS of what each picture's name lacks.
        left_out: number of people by why.
        missing: those whose picture cannot be used.
        notes: sentences that a user should read.
    """

    fits: Path
    is_kept: np.ndarray
    endings: np.ndarray
    left_out: dict[str, int]
    missing: tuple[MissingPicture, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Number of people."""
        return int(self.is_kept.sum())

    def batches(self, columns: Collection[str] | None = None) -> Iterator[FitBatch]:
        """The people's rows as `read_fits` gives them; their pictures have the names that they have in their folder."""
        first = 0
        for batch in read_fits(self.fits, columns):
            rows = slice(first, first + len(batch))
            first += len(batch)
            if self.is_kept[rows].any():
                yield _with_endings(batch, self.endings[rows]).of(self.is_kept[rows])

    def exported(self, files: Collection[Path], num_people: int | None = None) -> Exported:
        """What an export of these people came to."""
        count = len(self) if num_people is None else num_people
        return Exported(tuple(files), count, self.left_out, self.missing, self.notes)


def select(
    fits: Path,
    options: ExportOptions,
    *,
    names_pictures: bool = False,
    needs_pictures: bool = False,
    suffixes: Collection[str] | None = None,
) -> Selection:
    """Choose people by their quality, error and pictures.

    Args:
        fits: a file or folder of fits.
        options: what to leave out.
        names_pictures: the export names pictures, and a name that lacks its ending is worth a note.
        needs_pictures: leave out who has no picture in `options.images`.
        suffixes: of the pictures that can be used, in lower case; None for any.
    Raises:
        InputError: nobody is left.
    """
    left_out: Counter[str] = Counter()
    missing: list[MissingPicture] = []
    is_kept, endings = [np.zeros(0, bool)], [np.zeros(0, np.uint8)]
    notes = _Notes()
    # The people of a picture follow each other. Kept no longer than for this export: pictures come and go.
    folder = PictureFolder(options.images, leads_anywhere=options.pictures_anywhere)
    picture = lru_cache(maxsize=4096)(lambda image: _picture(image, folder, suffixes))
    for batch in read_fits(fits, _COLUMNS):
        notes.add(batch, options)
        if names_pictures and not needs_pictures:
            notes.add_names(batch)
        reasons, lacking = _too_poor(batch, options), np.zeros(len(batch), np.uint8)
        pairs = zip(batch.texts("id"), batch.texts("image"), strict=True) if needs_pictures else ()
        for index, (name, image) in enumerate(pairs):
            ending, problem = picture(image)
            if problem and index not in reasons:
                missing.append(MissingPicture(str(name), image or "", problem))
                reasons[index] = "picture cannot be used"
            lacking[index] = ENDINGS.index(ending)
        left_out.update(reasons.values())
        is_kept.append(~np.isin(np.arange(len(batch)), list(reasons)))
        endings.append(lacking)
    kept = np.concatenate(is_kept)
    if len(kept) and not kept.any():
        raise InputError(_nobody(missing, left_out, options))
    return Selection(fits, kept, np.concatenate(endings), dict(left_out), tuple(missing), notes.sentences())


def _too_poor(batch: FitBatch, options: ExportOptions) -> dict[int, str]:
    """Why people are left out for their fits, by their index."""
    quality, error = batch.array("quality"), batch.array("error_percent")
    reasons: dict[int, str] = {}
    if options.max_error is not None:
        # Comparisons with NaN are false: who has no error is left out.
        reasons |= dict.fromkeys(np.flatnonzero(~(error <= options.max_error)).tolist(), "error too high or not known")
    if options.min_quality is not None:
        low = np.flatnonzero(~(quality >= options.min_quality)).tolist()
        reasons |= dict.fromkeys(low, "quality too low or not known")
    return reasons


def _picture(image: str | None, folder: PictureFolder, suffixes: Collection[str] | None) -> tuple[str, str]:
    """What the picture's name lacks, and what is wrong with the picture, "" for nothing."""
    if not image:
        return "", _UNKNOWN
    try:
        ending = folder.ending_of(image)
    except OutsideError:
        return "", _OUTSIDE
    if ending is None:
        return "", _NOT_FOUND
    is_known = suffixes is None or Path(image + ending).suffix.lower() in suffixes
    return ending, "" if is_known else _NO_KIND


def _nobody(missing: list[MissingPicture], left_out: Counter[str], options: ExportOptions) -> str:
    if len(missing) < left_out.total():
        counts = ", ".join(f"{count:,} with {reason}" for reason, count in left_out.items())
        return f"nobody is left to export: {counts}; ask for less quality or allow a larger error."
    first = missing[0]
    if first.reason == _UNKNOWN:
        return f"the picture of '{printable(first.id)}' is not known, nor is anybody's: this export needs pictures."
    where = "in the folder that this runs in" if options.images is None else f"in {options.images}"
    return (
        f"{printable(first.image)}: {first.reason}, and nobody's picture can be used {where}: give the folder that the pictures' names are "
        "relative to as `images` (--images), convert pictures of other kinds, and allow names that lead out of the folder by "
        "`pictures_anywhere` (--pictures-anywhere) if you know where they lead."
    )


def _with_endings(batch: FitBatch, endings: np.ndarray) -> FitBatch:
    if "image" not in batch.records.schema.names or not endings.any():
        return batch
    pa, _ = require_arrow()
    names = [
        image and image + ENDINGS[ending] for image, ending in zip(batch.texts("image"), endings.tolist(), strict=True)
    ]
    place = batch.records.schema.get_field_index("image")
    return FitBatch(batch.records.set_column(place, "image", pa.array(names, pa.string())), batch.provenance)


class _Notes:
    """What users should know of the rows, gathered batch by batch."""

    def __init__(self) -> None:
        self._num_other_gender, self._body = 0, ""
        self._num_without_ending, self._name = 0, ""
        self._is_open = False

    def add(self, batch: FitBatch, options: ExportOptions) -> None:
        made_with = batch.provenance
        self._is_open |= made_with.is_open_body and not options.open_body_as_smpl
        if not made_with.is_open_body:
            self._body = made_with.body_name
            self._num_other_gender += sum(
                gender not in (None, made_with.body_gender) for gender in batch.texts("gender")
            )

    def add_names(self, batch: FitBatch) -> None:
        names = [image for image in batch.texts("image") if image and not has_ending(image)]
        self._num_without_ending += len(names)
        self._name = self._name or next(iter(names), "")

    def sentences(self) -> tuple[str, ...]:
        notes = [OPEN_BODY_NOTE] if self._is_open else []
        if self._num_other_gender:
            notes.append(
                f"{self._num_other_gender:,} rows say another gender than the body's that was fitted, {self._body}; exports say the body's."
            )
        if self._num_without_ending:
            notes.append(
                f"the names of {self._num_without_ending:,} people's pictures have no ending, such as '{printable(self._name)}'; give the "
                "pictures' folder with --images, so that loaders find them."
            )
        return tuple(notes)

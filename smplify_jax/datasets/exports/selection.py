"""Choose the people of an export, once for all of its passes over the data, so that every pass sees the same people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from smplify_jax.datasets.exports.exported import Exported, MissingPicture
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.picture_folder import ENDINGS, OutsideError, PictureFolder, has_ending
from smplify_jax.files.printable import printable

_COLUMNS = ("id", "image", "gender", "quality", "error_percent", "file", "video")

_NOT_FOUND, _UNKNOWN, _NO_KIND, _OUTSIDE = (
    "not there, or not readable",
    "its name is not known",
    "not a kind of picture that the loader reads",
    "its name or a link leads out of the folder of pictures",
)

OPEN_BODY_NOTE = (
    "these are fits of the open body, whose betas are not SMPL's; exports mark the betas, or leave them out where they cannot. Fit SMPL's "
    "own file with --body, or let loaders use the betas as SMPL's with --open-body-as-smpl."
)


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen people of a file or folder of fits.

    Attributes:
        fits: the file or folder.
        is_kept: (N,) whether each of its rows is exported.
        endings: (N,) index in ENDINGS of the suffix that completes each picture's name.
        left_out: number of people left out, by reason.
        missing: those left out because of their picture.
        notes: sentences to show to the user.
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
        """The people's rows as `read_fits` gives them, with the full names of the pictures."""
        first = 0
        for batch in read_fits(self.fits, columns):
            rows = slice(first, first + len(batch))
            first += len(batch)
            if self.is_kept[rows].any():
                yield _with_endings(batch, self.endings[rows]).of(self.is_kept[rows])

    def exported(self, files: Collection[Path], num_people: int | None = None) -> Exported:
        """The result of an export of these people."""
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
        options: the people to leave out.
        names_pictures: the export names pictures, so a name without a suffix is worth a note, and frames of a track in which the person
            was not seen are left out.
        needs_pictures: leave out these, and people who have no picture in `options.images`.
        suffixes: of usable pictures, in lower case; None for any.
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
        if names_pictures or needs_pictures:
            reasons |= _unseen(batch)
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
    """Reasons to leave out people because of their fits, by index."""
    quality, error = batch.array("quality"), batch.array("error_percent")
    reasons: dict[int, str] = {}
    if options.max_error is not None:
        # Comparisons with NaN are false, so people without an error are left out.
        reasons |= dict.fromkeys(np.flatnonzero(~(error <= options.max_error)).tolist(), "error too high or not known")
    if options.min_quality is not None:
        low = np.flatnonzero(~(quality >= options.min_quality)).tolist()
        reasons |= dict.fromkeys(low, "quality too low or not known")
    return reasons


def _unseen(batch: FitBatch) -> dict[int, str]:
    """The same for frames of tracks in which nobody was seen: they are of no file, and have no crop."""
    places = zip(batch.texts("video"), batch.texts("file"), strict=True)
    unseen = [index for index, (video, file) in enumerate(places) if video is not None and file is None]
    return dict.fromkeys(unseen, "not seen in a frame of their track")


def _picture(image: str | None, folder: PictureFolder, suffixes: Collection[str] | None) -> tuple[str, str]:
    """The suffix that completes the picture's name, and why the picture cannot be used, "" if it can."""
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
        return f"nobody is left to export: {counts}; accept a lower quality or a larger error."
    first = missing[0]
    if first.reason == _UNKNOWN:
        return f"the picture of '{printable(first.id)}' is not known, nor is that of any other person: this export needs pictures."
    where = "in the current folder" if options.images is None else f"in {options.images}"
    return (
        f"{printable(first.image)}: {first.reason}, and no other picture can be used {where}: give the folder that the pictures' names are "
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
    """Notes for the user about the rows, collected batch by batch."""

    def __init__(self) -> None:
        self._num_other_gender, self._body = 0, ""
        self._num_without_ending, self._name = 0, ""
        self._is_open = False

    def add(self, batch: FitBatch, options: ExportOptions) -> None:
        made_with = batch.provenance
        self._is_open |= made_with.is_open_body and not options.open_body_as_smpl
        if not (made_with.is_open_body and made_with.body_gender == "neutral"):  # which spans both
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
                f"{self._num_other_gender:,} rows say another gender than the fitted body {self._body} has; exports state the body's."
            )
        if self._num_without_ending:
            notes.append(
                f"the picture names of {self._num_without_ending:,} people have no suffix, such as '{printable(self._name)}'; give the "
                "pictures' folder with --images, so that loaders find them."
            )
        return tuple(notes)

"""Reader of LSP keypoints in `.npz`, as DeepCut writes them.

One array with a column for each of the 14 keypoints and the rows x, y [px], confidence, then two of offsets that
DeepCut adds to its confidence map and that are no use here: (3, 14) or (5, 14). A people axis may come first or last:
DeepCut's results on the whole of LSP are one array (5, 14, 2000). The array is called `pose` or `est_joints`; without
these the first array of such a shape is taken.

Source: Pishchulin et al., CVPR 2016 (DeepCut); Johnson and Everingham, BMVC 2010 (the order).
"""

from __future__ import annotations

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.contents import ArrayFile
from smplify_jax.keypoints.reading import Contents, Format, Person, array_file, check_count

NUM_KEYPOINTS = 14
_ONE_PERSON = {(3, NUM_KEYPOINTS), (5, NUM_KEYPOINTS)}
_PREFERRED_NAMES = ("pose", "est_joints")


def recognises(contents: Contents) -> bool:
    """An `.npz` with an array of the shape described above.

    By shape and not by name: other files have an array `pose` too, of joint rotations.
    """
    return isinstance(contents, ArrayFile) and _find_rows(contents) is not None


def read_people(contents: Contents, layout: str | None = None) -> list[Person]:
    """The people of the file; a single person gets the file's name, several get numbers after it.

    Raises:
        InputError: no array has a shape described above.
    """
    arrays = array_file(contents, FORMAT.name)
    layout = layout or "lsp14"
    check_count(NUM_KEYPOINTS, layout, f"'{arrays.path}'")
    people = _find_rows(arrays)
    if people is None:
        raise InputError(
            f"'{arrays.path}' is {arrays.describe()}; expected LSP keypoints as numbers in shape (3, 14) or (5, 14), "
            "with the people first or last where there are several"
        )
    stem = arrays.path.stem
    if people.ndim == 2:
        return [Person(stem, people[:3].T, layout)]
    return [Person(f"{stem}_{k}", rows[:3].T, layout) for k, rows in enumerate(people)]


def _find_rows(arrays: ArrayFile) -> np.ndarray | None:
    """(3 or 5, 14), or (B, 3 or 5, 14) where there is a people axis; None when no array fits."""
    for name in sorted(arrays.names, key=lambda name: name not in _PREFERRED_NAMES):
        try:
            values = arrays.array(name)
        except InputError:  # an unreadable array beside the keypoints does no harm
            continue
        if values.dtype.kind not in "iuf" or values.ndim not in (2, 3):
            continue
        # No shape fits both ways: a last axis of people would have to be 14 long behind an axis of 14.
        if values.shape[-2:] in _ONE_PERSON:
            return values
        if values.shape[:2] in _ONE_PERSON:
            return np.moveaxis(values, -1, 0)
    return None


FORMAT = Format("lsp", "LSP/DeepCut .npz with an array (5, 14) or (3, 14)", recognises, read_people)

"""Reader of the library's own `.npz`: keypoints with their layout, written by `numpy.savez`.

    numpy.savez("people.npz", keypoints=keypoints, layout="coco17", image_size=(640, 480), names=["anna", "ben"])

Arrays: `keypoints` (K, 3) or (B, K, 3) rows x, y [px], confidence; `layout`, a name; optional `image_size` (2,) or
(B, 2) width and height [px], NaN twice where unknown; optional `names` and `image_names` (B,), text.
"""

from __future__ import annotations

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.contents import ArrayFile
from smplify_jax.keypoints.keypoint_set import is_image_size
from smplify_jax.keypoints.layouts import LAYOUTS
from smplify_jax.keypoints.reading import Contents, Format, Person, array_file, check_count


def recognises(contents: Contents) -> bool:
    """An `.npz` with an array `keypoints`; what else it lacks, `read_people` says."""
    return isinstance(contents, ArrayFile) and "keypoints" in contents


def read_people(contents: Contents, layout: str | None = None) -> list[Person]:
    """The people of the file; a single person without a name gets the file's, several get numbers after it.

    Raises:
        InputError: an array is missing, unreadable, or of the wrong type, shape or count.
    """
    arrays = array_file(contents, FORMAT.name)
    keypoints = _keypoints(arrays)
    if layout is None:
        layout = _layout(arrays)
    check_count(keypoints.shape[-2], layout, f"'{arrays.path}'")
    is_single = keypoints.ndim == 2
    if is_single:
        keypoints = keypoints[None]
    num_people = len(keypoints)
    stem = arrays.path.stem
    names = _texts(arrays, "names", num_people)
    if names is None:
        names = [stem] if is_single else [f"{stem}_{k}" for k in range(num_people)]
    image_names = _texts(arrays, "image_names", num_people) or [""] * num_people
    sizes = _image_sizes(arrays, num_people)
    return [
        Person(name, rows, layout, (float(size[0]), float(size[1])), image_name or None)
        for name, rows, size, image_name in zip(names, keypoints, sizes, image_names, strict=True)
    ]


def _keypoints(arrays: ArrayFile) -> np.ndarray:
    if "keypoints" not in arrays:
        raise InputError(f"'{arrays.path}' is {arrays.describe()}; it lacks the array 'keypoints'")
    keypoints = arrays.array("keypoints")
    if keypoints.dtype.kind not in "iuf" or keypoints.ndim not in (2, 3) or keypoints.shape[-1] != 3:
        raise InputError(
            f"'{arrays.path}': keypoints have shape {keypoints.shape} and type {keypoints.dtype}; expected numbers "
            "in shape (K, 3) or (B, K, 3), rows x, y, confidence"
        )
    return keypoints


def _layout(arrays: ArrayFile) -> str:
    if "layout" not in arrays:
        raise InputError(
            f"'{arrays.path}' does not say which layout its keypoints have; add an array 'layout' such as "
            '"coco17", or name the layout when reading'
        )
    values = arrays.array("layout")
    if values.size != 1 or values.dtype.kind not in "US":
        raise InputError(f"'{arrays.path}': layout must be one name, not {values.dtype} of shape {values.shape}")
    name = _decoded(values, arrays)[0]
    if name not in LAYOUTS:
        raise InputError(f"'{arrays.path}' has the unknown layout {name!r}; use one of {', '.join(LAYOUTS)}")
    return name


def _image_sizes(arrays: ArrayFile, num_people: int) -> np.ndarray:
    if "image_size" not in arrays:
        return np.full((num_people, 2), np.nan)
    sizes = arrays.array("image_size")
    if sizes.dtype.kind not in "iuf" or sizes.shape not in {(2,), (num_people, 2)}:
        raise InputError(
            f"'{arrays.path}': image_size has shape {sizes.shape} and type {sizes.dtype}; expected (width, "
            f"height), or one row of it for each of {num_people} people"
        )
    sizes = np.broadcast_to(sizes.astype(np.float64), (num_people, 2))
    if not all(map(is_image_size, sizes)):
        raise InputError(
            f"'{arrays.path}': image_size must hold a positive width and height [px]; leave it out, or NaN twice, "
            "where it is unknown"
        )
    return sizes


def _texts(arrays: ArrayFile, name: str, num_people: int) -> list[str] | None:
    if name not in arrays:
        return None
    values = arrays.array(name)
    if values.dtype.kind not in "US" or values.size != num_people:
        raise InputError(
            f"'{arrays.path}': {name} has shape {values.shape} and type {values.dtype}; expected one text for each of "
            f"{num_people} people"
        )
    return _decoded(values, arrays)


def _decoded(values: np.ndarray, arrays: ArrayFile) -> list[str]:
    """Text from an array of str or of UTF-8 bytes."""
    try:
        return [text.decode() if isinstance(text, bytes) else text for text in values.ravel().tolist()]
    except UnicodeDecodeError as error:
        raise InputError(f"'{arrays.path}' holds text that is not UTF-8; save names as str") from error


FORMAT = Format("npz", "our .npz with arrays keypoints and layout", recognises, read_people)

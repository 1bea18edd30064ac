"""Read what other programs predict, in the forms in which their demos save it; pickles by the safe reader only.

- VIBE, PARE (videos), PyMAF: a `.pkl` with a dict for each person's id: `pose` or `pred_pose`, `betas`, `pred_cam`, `bboxes` (centre,
  width, height), `frame_ids`.
- WHAM: likewise, with `pose`, `trans`, `betas` and `frame_ids`; its focal length is the picture's diagonal.
- 4D-Humans' tracker (PHALP): a `.pkl` with a dict of lists for each frame: `smpl`, `camera`, `size`, `bbox`, `tid`, `time`.
- 4D-Humans (HMR2), HMR, SPIN, CLIFF, PARE (pictures): an `.npz`, or a `.pkl` of a dict of arrays or of a list of such dicts, see
  `predictions.arrays`. Instead of arrays there may be tensors of torch.

Source: the READMEs of these programs and their maintainers' answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.files.plain import open_plain
from smplify_jax.files.printable import printable
from smplify_jax.files.safe_pickle import load_pickle
from smplify_jax.files.torch_tensors import is_torch_zip
from smplify_jax.predictions.arrays import listed, read_arrays
from smplify_jax.predictions.found import FoundPredictions, joined
from smplify_jax.predictions.tracks import is_frame, is_track, read_frame, read_track

_DAMAGE = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)
"""What unexpected values raise on the way."""


def read_predictions(path: str | os.PathLike[str]) -> FoundPredictions:
    """The bodies that a file holds.

    Raises:
        InputError: it cannot be read, or holds no predictions in a form that is known.
    """
    path = Path(path)
    with open_plain(path, "a file of predictions, .npz or .pkl") as file:
        is_npz = file.read(2) == b"PK" and file.seek(0) == 0 and not is_torch_zip(file)
    content = load_npz(path) if is_npz else load_pickle(path)
    try:
        # Numbers that overflow float32 become infinite, and infinite ones unknown.
        with np.errstate(all="ignore"):
            parts = [part for part in _parts(content) if part is not None and len(part)]
            if not parts:
                raise InputError("it holds nobody")
            return joined(parts)
    except InputError as error:
        raise InputError(f"'{path}' cannot be used as predictions: {error}.") from None


def _parts(content: object) -> Iterator[FoundPredictions | None]:
    if isinstance(content, (list, tuple)):
        for number, one in enumerate(content):
            yield _placed(f"[{number}]", lambda one=one: read_arrays(one))
    elif not isinstance(content, Mapping):
        raise InputError(f"it holds a {type(content).__name__}; expected dicts of arrays")
    elif content and all(map(is_track, content.values())):
        for name, value in content.items():
            yield _placed(f"[{name}]", lambda name=name, value=value: read_track(str(name), value))
    elif content and all(map(is_frame, content.values())):
        for name, value in content.items():
            yield _placed(f"[{name}]", lambda name=name, value=value: read_frame(str(name), value))
    elif (
        content and all(isinstance(value, Mapping) for value in content.values()) and "pred_smpl_params" not in content
    ):
        raise InputError(
            f"its dicts have {listed(next(iter(content.values())))}, which no program that is known writes"
        )
    else:
        yield _placed("", lambda: read_arrays(content))


def _placed(place: str, read: Callable[[], Any]) -> Any:
    """What is read; what is wrong with it is said with its place in the file."""
    before = f"{printable(place[:60])}: " if place else ""
    try:
        return read()
    except InputError as error:
        raise InputError(f"{before}{str(error).rstrip('.')}") from None
    except _DAMAGE as error:
        raise InputError(f"{before}it is not as these programs write it ({printable(str(error)[:100])})") from None

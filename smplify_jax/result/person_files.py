"""The files of one fitted person, each written completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.result.fit_result import FitResult


def write_arrays(path: Path, fitted: FitResult, **of_input: ArrayLike) -> None:
    """Write the keys of `to_smplify`, all arrays that `FitResult.load` reads, and those of the input, such as its keypoints."""
    arrays: dict[str, Any] = {**fitted.arrays(), **fitted.to_smplify(), **of_input}
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def is_exported(export: Callable[[], None], complain: Callable[[str], None] | None) -> bool:
    """Write an export, and say whether it could be written.

    Args:
        export: writes it.
        complain: is called with a sentence about why it cannot be written; None raises that instead.
    Raises:
        InputError: the export cannot be written.
    """
    try:
        export()
    except InputError as error:
        if complain is None:
            raise
        complain(str(error))
        return False
    return True

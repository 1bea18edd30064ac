"""Read pose priors: ours, gmm_08.pkl as it exists in the wild, and pickled scikit-learn mixtures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.files.safe_pickle import load_pickle
from smplify_jax.prior.mixture import PosePrior

SHIPPED = "data/pose_prior.npz"

_KEYS = ("means", "covars", "weights")

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "means": ("means", "means_"),
    "covars": ("covars", "covars_", "_covars", "covariances_"),
    "weights": ("weights", "weights_"),
}
"""The names of each array: first that of gmm_08.pkl, then scikit-learn's attribute names over the years."""


def load_prior(path: str | Path | None = None) -> PosePrior:
    """Load a pose prior.

    Args:
        path: None for the prior that comes with the package; an .npz or .pkl with means (K, D), covars (K, D, D) and
            weights (K,); or a pickled scikit-learn mixture with full covariances. Nothing in a pickle is executed.
    Returns:
        The prior.
    Raises:
        InputError: no such file, one that is damaged or asks for more than the budget (`files.budget`) allows, another kind of file,
            or moments that do not make a mixture.
    """
    if path is None:
        return load_prior(Path(str(resources.files("smplify_jax.prior").joinpath(SHIPPED))))
    path = Path(path)
    if not os.path.lexists(path):
        raise InputError(
            f"{path}: there is no such file; give a pose prior (.npz or .pkl), or leave it out for the one included."
        )
    content = load_npz(path, set().union(*_SPELLINGS.values())) if path.suffix.lower() == ".npz" else _read_pickle(path)
    return PosePrior.from_moments(*(_find(content, key, path) for key in _KEYS), source=str(path))


def _read_pickle(path: Path) -> Mapping[str, Any]:
    content = load_pickle(path)
    if not isinstance(content, Mapping):
        raise InputError(
            f"{path}: a pose prior's pickle holds a dict or a scikit-learn mixture, got {type(content).__name__}."
        )
    return content


def _find(content: Mapping[str, Any], key: str, path: Path) -> Any:
    for spelling in _SPELLINGS[key]:
        if spelling in content:
            return content[spelling]
    raise InputError(f"{path}: '{key}' is missing; a pose prior has {', '.join(_KEYS)}: give another file.")

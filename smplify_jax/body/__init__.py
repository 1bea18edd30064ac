"""Bodies of the SMPL family: the model, its kinematics, and reading files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smplify_jax.body.capsules import with_capsules
    from smplify_jax.body.load import load_body
    from smplify_jax.body.model import BodyModel
    from smplify_jax.body.regressors import with_regressor

# Imported when they are first used: `skinned_points` serves programs that must not load JAX.
_HOMES = {"BodyModel": "model", "load_body": "load", "with_capsules": "capsules", "with_regressor": "regressors"}

__all__ = ["BodyModel", "load_body", "with_capsules", "with_regressor"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'smplify_jax.body' has no attribute {name!r}")
    return getattr(import_module(f"smplify_jax.body.{_HOMES[name]}"), name)

"""Bodies of the SMPL family: the model, its kinematics, and reading files."""

from smplify_jax.body.capsule_files import with_capsules
from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.regressors import with_regressor

__all__ = ["BodyModel", "load_body", "with_capsules", "with_regressor"]

"""The result of a fit: its fields, statuses, files and text forms."""

from smplify_jax.result.fit_result import FitResult
from smplify_jax.result.status import MAX_ERROR_2D, MIN_KEYPOINTS, FitStatus

__all__ = ["MAX_ERROR_2D", "MIN_KEYPOINTS", "FitResult", "FitStatus"]

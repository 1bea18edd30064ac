"""What a fit gives back."""

from smplify_jax.result.fit_result import MIN_KEYPOINTS, FitResult, FitStatus

__all__ = ["MIN_KEYPOINTS", "FitResult", "FitStatus"]

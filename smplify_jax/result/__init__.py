"""The result of a fit: its fields, statuses, files and text forms."""

from typing import TYPE_CHECKING, Any

from smplify_jax.result.status import MAX_ERROR_2D, MIN_KEYPOINTS, FitStatus

if TYPE_CHECKING:
    from smplify_jax.result.fit_result import FitResult

__all__ = ["MAX_ERROR_2D", "MIN_KEYPOINTS", "FitResult", "FitStatus"]


def __getattr__(name: str) -> Any:
    """Import `FitResult` when it is first used: it needs JAX, and exports of finished fits do not."""
    if name == "FitResult":
        from smplify_jax.result.fit_result import FitResult

        return FitResult
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The pinhole camera, what a caller may give for one, crops and conversions, observations, depth from limbs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smplify_jax.camera.pinhole import Camera, project

__all__ = ["Camera", "project"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: boxes and conversions need no JAX, which takes a second to import."""
    if name not in __all__:
        raise AttributeError(f"module 'smplify_jax.camera' has no attribute {name!r}")
    from smplify_jax.camera import pinhole

    return getattr(pinhole, name)

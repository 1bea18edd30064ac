"""The pinhole camera, what a caller may give for one, crops and conversions, observations, depth from limbs."""

from smplify_jax.camera.pinhole import Camera, project

__all__ = ["Camera", "project"]

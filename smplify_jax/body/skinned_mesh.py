"""The arrays of a body without the code that poses it: keypoints are cut from them, and `BodyModel` in turn offers keypoints."""

from __future__ import annotations

from dataclasses import dataclass, field

from jax import Array

from smplify_jax.body.capsules import Capsules


@dataclass(frozen=True, eq=False)  # bodies are compared by identity, so that what is cut from one can be cached
class SkinnedMesh:
    """The arrays of a body of the SMPL family: V vertices, J joints, B shape directions, P named surface points.

    See `BodyModel`, which poses them, for shapes and units of each; keypoints are cut from them.
    """

    v_template: Array
    shapedirs: Array
    posedirs: Array
    J_regressor: Array
    lbs_weights: Array
    faces: Array
    point_vertices: Array
    point_weights: Array
    parents: tuple[int, ...] = field(metadata={"static": True})
    joint_names: tuple[str, ...] = field(metadata={"static": True})
    point_names: tuple[str, ...] = field(metadata={"static": True})
    name: str = field(metadata={"static": True})
    capsules: Capsules | None = None
    gender: str | None = field(default=None, metadata={"static": True})

    def __repr__(self) -> str:
        """One line: the name, the gender and the sizes; where JAX puts something else in the arrays' place, its type."""
        arrays = {name: getattr(self, name) for name in ("v_template", "shapedirs", "faces")}
        sizes = ", ".join(f"{name} {getattr(one, 'shape', type(one).__name__)}" for name, one in arrays.items())
        points = f"{len(self.point_names)} surface points, {'no ' if self.capsules is None else ''}capsules"
        gender = self.gender or "of unknown gender"
        return f"<{type(self).__name__} {self.name!r}, {gender}: {len(self.parents)} joints, {sizes}, {points}>"

    @property
    def num_betas(self) -> int:
        """Number of shape directions."""
        return self.shapedirs.shape[-1]

    @property
    def num_joints(self) -> int:
        """Number of joints, the root included."""
        return len(self.parents)

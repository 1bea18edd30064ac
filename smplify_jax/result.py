"""What a fit gives back."""

from __future__ import annotations

import enum
import warnings
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.penetration import penetration_depth
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.quality.score import QualityFeatures

if TYPE_CHECKING:
    import trimesh


class FitStatus(enum.IntEnum):
    """How one person's fit ended; `sentence` says it in words."""

    CONVERGED = 0
    STEP_LIMIT = 1
    TOO_FEW_KEYPOINTS = 2
    NON_FINITE = 3
    IMPLAUSIBLE = 4
    POOR_FIT = 5

    @property
    def sentence(self) -> str:
        """For people."""
        return _SENTENCES[self]

    @property
    def is_usable(self) -> bool:
        """Whether there is a body at all; if not, all its numbers are NaN."""
        return self in (FitStatus.CONVERGED, FitStatus.STEP_LIMIT, FitStatus.POOR_FIT)


MAX_ERROR_2D = 0.1
"""Median distance of the fitted keypoints from the detected ones, in heights of the person, beyond which a fit is poor."""

MIN_KEYPOINTS = 4
"""Observed keypoints that a fit needs at least: three fix a rigid body's place, one more says something about its pose."""

_SENTENCES = {
    FitStatus.CONVERGED: "Converged.",
    FitStatus.STEP_LIMIT: "Stopped at the step limit, short of convergence; the body is usable.",
    FitStatus.TOO_FEW_KEYPOINTS: f"Not fitted: fewer than {MIN_KEYPOINTS} keypoints at different places were observed.",
    FitStatus.NON_FINITE: "Not fitted: the camera, the start or the fit itself has numbers that are not finite or not positive.",
    FitStatus.IMPLAUSIBLE: (
        "Not fitted: the keypoints or the camera cannot be a picture's in pixels, such as fractions, or a focal length in millimetres."
    ),
    FitStatus.POOR_FIT: (
        f"Poor fit: half of the keypoints are missed by more than {100 * MAX_ERROR_2D:.0f} % of the person's height, or the body is "
        "outside the picture; the body is usable with care."
    ),
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FitResult:
    """Fitted bodies: one, or a batch with the same leading axis as the keypoints.

    Bodies live in the camera frame: x right, y down, z forward [m]. A person that could not be fitted has NaN everywhere and a status
    that says why. A pytree; `result[i]` is one person's.

    Attributes:
        betas: (..., B) shape coefficients.
        global_orient: (..., 3) axis-angle of the root [rad].
        body_pose: (..., 3 n) axis-angle of the other joints [rad]; n is 23 for SMPL, 21 for bodies with fingers.
        transl: (..., 3) [m].
        camera: the camera that was given or assumed.
        joints: (..., 24, 3) SMPL's joints [m].
        joints_std: (..., 24, 3) how uncertain they are: posterior standard deviation along x, y and depth [m]; NaN from the profile
            `spin`, whose solver does not know it.
        quality: (...,) probability that the joints, laid over the true ones, are less than 80 mm off on average (PA-MPJPE); NaN for
            what it is not calibrated for: other profiles, `init`, searched starts, no anchor.
        quality_features: (...,) each, the inputs of the quality model; NaN for what a profile does not know.
        start_margin: (...,) by how much the energy of the second-best start was higher; NaN if there was one start.
        keypoints_px: (..., K, 2) the fitted keypoints in the picture [px]; NaN for those the body does not define.
        reprojection_error_px: (..., K) distance from the detected ones as given [px]; NaN where none was observed.
        person_height_px: (...,) how tall a 1.7 m person appears at the fitted depth [px]; what errors are compared with.
        cost: (...,) energy of the last round.
        cost_by_term: the same by term name.
        status: (...,) codes of `FitStatus`.
        num_steps: (...,) Gauss-Newton systems solved on the way of the start that won.
        body: the body that was fitted.
        layout: name of the keypoint layout.
    """

    betas: Array
    global_orient: Array
    body_pose: Array
    transl: Array
    camera: Camera
    joints: Array
    joints_std: Array
    quality: Array
    quality_features: QualityFeatures
    start_margin: Array
    keypoints_px: Array
    reprojection_error_px: Array
    person_height_px: Array
    cost: Array
    cost_by_term: dict[str, Array]
    status: Array
    num_steps: Array
    body: BodyModel = field(metadata={"static": True})
    layout: str = field(metadata={"static": True})

    @property
    def is_batched(self) -> bool:
        """Whether there is a leading axis of people."""
        return self.status.ndim > 0

    def __len__(self) -> int:
        """Number of people; a single person without a leading axis counts as one."""
        return self.status.shape[0] if self.is_batched else 1

    def __getitem__(self, index: int | slice | Array) -> FitResult:
        """The people at an index of the leading axis."""
        if not self.is_batched:
            raise InputError("This result holds one person without a leading axis: there is nothing to index.")
        return jax.tree.map(lambda leaf: leaf[index], self)

    def statuses(self) -> list[FitStatus]:
        """The status of each person."""
        return [FitStatus(int(code)) for code in np.atleast_1d(self.status)]

    @property
    def evidence(self) -> QualityFeatures:
        """`quality_features`, by its name in version 0.1.0."""
        warnings.warn("FitResult.evidence is now quality_features: use that name", DeprecationWarning, stacklevel=2)
        return self.quality_features

    @property
    def parameters(self) -> BodyParameters:
        """The fitted parameters alone."""
        return BodyParameters(self.global_orient, self.body_pose, self.betas, self.transl)

    def vertices(self) -> Array:
        """(..., V, 3) mesh vertices in the camera frame [m]."""
        return self.body.vertices(**self.parameters.blocks())

    def penetration_depth(self) -> Array:
        """(...,) how deep the body reaches into itself [m], see `smplify_jax.body.penetration`; the body needs capsules."""
        return penetration_depth(self.body, betas=self.betas, body_pose=self.body_pose)

    def mesh(self, index: int = 0) -> trimesh.Trimesh:
        """One person's mesh in the camera frame [m]."""
        person = self[index] if self.is_batched else self
        if not FitStatus(int(person.status)).is_usable:
            raise InputError(f"Person {index} has no mesh: {FitStatus(int(person.status)).sentence}")
        import trimesh  # half a second that `import smplify_jax` need not wait for

        return trimesh.Trimesh(np.asarray(person.vertices()), np.asarray(self.body.faces), process=False)

    def to_smplify(self) -> dict[str, np.ndarray]:
        """The keys that the original SMPLify writes.

        Returns:
            cam_t (..., 3) [m], f (...,) [px], pose (..., 72) [rad] (hands that the body lacks are zero), betas (..., B).
        """
        pose = np.concatenate([self.global_orient, self.body_pose], axis=-1)
        missing = np.zeros((*pose.shape[:-1], 72 - pose.shape[-1]), pose.dtype)
        return {
            "cam_t": np.asarray(self.transl),
            "f": np.asarray(self.camera.focal_length).mean(axis=-1),
            "pose": np.concatenate([pose, missing], axis=-1),
            "betas": np.asarray(self.betas),
        }

    def to_smplx(self) -> dict[str, np.ndarray]:
        """Keyword arguments for the forward pass of a model of the package smplx (as NumPy arrays, always batched)."""
        names = ("betas", "global_orient", "body_pose", "transl")
        return {name: np.atleast_2d(np.asarray(getattr(self, name))) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that `save` writes, by name: plain arrays, the body and the layout by their names."""
        stored = {name: np.asarray(getattr(self, name)) for name in _ARRAY_FIELDS}
        stored |= {f"cost_{name}": np.asarray(value) for name, value in self.cost_by_term.items()}
        stored |= {f"quality_features_{name}": np.asarray(value) for name, value in vars(self.quality_features).items()}
        stored |= {"focal_length": np.asarray(self.camera.focal_length)}
        stored |= {"camera_center": np.asarray(self.camera.camera_center)}
        return stored | {"layout": np.asarray(self.layout), "body_name": np.asarray(self.body.name)}

    def save(self, path: str | PathLike[str]) -> None:
        """Write all arrays to an `.npz` file, completely or not at all."""
        with atomic_write(path) as file:
            np.savez_compressed(file, allow_pickle=False, **self.arrays())

    @classmethod
    def load(cls, path: str | PathLike[str], body: BodyModel | None = None) -> FitResult:
        """Read a file written by `save`.

        Args:
            path: the file.
            body: the body that was fitted; the open body by default.

        Raises:
            InputError: the file is not such a file, or was fitted with another body.
        """
        body = load_body() if body is None else body
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read as a saved fit ({error}); give a file that FitResult.save wrote."
            ) from None
        stored |= {new: stored.pop(old) for old, new in _RENAMED_KEYS.items() if old in stored}
        missing = sorted(
            {*_ARRAY_FIELDS, *_QUALITY_FEATURES, "focal_length", "camera_center", "layout", "body_name"} - set(stored)
        )
        if missing:
            raise InputError(
                f"{path}: is not a saved fit, it lacks {', '.join(missing)}; give a file that FitResult.save wrote."
            )
        if str(stored["body_name"]) != body.name:
            raise InputError(
                f"{path}: was fitted with the body {str(stored['body_name'])!r}, not {body.name!r}; give that body as `body`."
            )
        costs = {name.removeprefix("cost_"): jnp.asarray(v) for name, v in stored.items() if name.startswith("cost_")}
        return cls(
            **{name: jnp.asarray(stored[name]) for name in _ARRAY_FIELDS},
            camera=Camera(jnp.asarray(stored["focal_length"]), jnp.asarray(stored["camera_center"])),
            cost_by_term=costs,
            quality_features=QualityFeatures(
                **{key.removeprefix("quality_features_"): jnp.asarray(stored[key]) for key in _QUALITY_FEATURES}
            ),
            body=body,
            layout=str(stored["layout"]),
        )


_ARRAY_FIELDS = (
    "betas",
    "global_orient",
    "body_pose",
    "transl",
    "joints",
    "joints_std",
    "quality",
    "start_margin",
    "keypoints_px",
    "reprojection_error_px",
    "person_height_px",
    "cost",
    "status",
    "num_steps",
)

_QUALITY_FEATURES = tuple(f"quality_features_{name}" for name in QualityFeatures.__dataclass_fields__)

_RENAMED_KEYS = {f"evidence_{name}": f"quality_features_{name}" for name in QualityFeatures.__dataclass_fields__}
"""Keys that version 0.1.0 wrote, to those of today."""

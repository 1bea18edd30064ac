"""The result of a fit."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from smplify_jax.body.load import shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import open_body_version
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.penetration import penetration_depth
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import Frame, in_frame
from smplify_jax.measurements.intervals import measured_with_intervals
from smplify_jax.measurements.measured import Measurements
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result.exported import ExportedResult
from smplify_jax.result.missing_body import MissingBody, reference_to, restored_body
from smplify_jax.result.pictured import PicturedResult
from smplify_jax.result.saved import arrays_of, check_fits_body, fields_of, read_saved
from smplify_jax.result.sequence import people_at, person_of
from smplify_jax.result.shown import text_line
from smplify_jax.result.status import FitStatus
from smplify_jax.result.views import in_view
from smplify_jax.result.world import has_z_up


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)  # == compares arrays, so a result has no hash
class FitResult(ExportedResult, PicturedResult):
    """Fitted bodies: one, or a batch with the same leading axis as the keypoints.

    Bodies live in the camera frame: x right, y down, z forward [m]. A person that could not be fitted has NaN everywhere and a status
    that says why. Fits to several cameras, or to points in space, live in the world frame of these and have `extrinsics`; `in_view` gives
    them in the frame of a camera.

    A sequence of people, and a pytree: `for person in result`, `len(result)`, `result[-1]`, `result[:10]`, `result[result.quality > 0.5]`.
    One person without a leading axis is a sequence of one. `==` is True for the same numbers (NaN equals NaN) in the same layout and a
    body of the same name. A pickle or a copy leaves the body out: see `with_body`.

    Attributes:
        betas: (..., B) shape coefficients.
        global_orient: (..., 3) axis-angle of the root [rad].
        body_pose: (..., 3 n) axis-angle of the other joints [rad]; n is 23 for SMPL, 21 for bodies with fingers.
        transl: (..., 3) [m].
        camera: the camera that was given or assumed.
        joints: (..., 24, 3) SMPL's joints [m].
        joints_std: (..., 24, 3) their posterior standard deviation along x, y and depth [m]; NaN with the profile `spin`, whose solver
            has no Hessian.
        quality: (...,) probability that the joints, aligned with the true ones, are less than 80 mm off on average (PA-MPJPE); NaN for
            what it is not calibrated for: other profiles than `default`, no anchor, tracks with `init`, several cameras, points in space.
        quality_features: (...,) each, the inputs of the quality model; NaN for those that a profile does not provide.
        start_margin: (...,) by how much the energy of the second-best start was higher; NaN if there was only one start.
        keypoints_px: (..., K, 2) the fitted keypoints in the picture [px]; NaN for those the body does not define.
        reprojection_error_px: (..., K) distance from the detected ones as given [px]; NaN where none was observed.
        person_height_px: (...,) how tall a 1.7 m person appears at the fitted depth [px]; the scale that errors are compared with.
        cost: (...,) energy of the last round.
        cost_by_term: the energy of each term, by its name.
        status: (...,) codes of `FitStatus`.
        num_steps: (...,) Gauss-Newton systems solved for the start that won.
        velocities: (..., 24, 3) of the joints [m/s]; None for people who were fitted without others in time.
        extrinsics: the placement of V cameras in the world frame, V = 0 for points in space. Then the camera's fields are (..., V, 2),
            keypoints_px is (..., V, K, 2) and reprojection_error_px is (..., V, K). None for one picture.
        point_errors: (..., K) distance of the fitted keypoints from the points in space [m]; None for pictures.
        point_scale: (...,) by which the points in space were multiplied: 1 if they were in metres; None for pictures.
        betas_covariance: (..., B, B) covariance of the betas' errors, calibrated on synthetic people; NaN with the profile `spin`, and
            None in files of version 0.1.0 and in stores of fits.
        round_costs: (..., R, T) energy of each term, in the order of `smplify_jax.terms.objective.TERM_NAMES`, at the end of each of R
            rounds, NaN for those that a start made needless; the last is `cost_by_term`. None for fits over time, of several views or of
            points, in files of version 0.1.0 and in stores of fits.
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
    velocities: Array | None = None
    extrinsics: Extrinsics | None = None
    point_errors: Array | None = None
    point_scale: Array | None = None
    betas_covariance: Array | None = None
    round_costs: Array | None = None

    @property
    def is_batched(self) -> bool:
        """Whether there is a leading axis of people."""
        return self.status.ndim > 0

    def __len__(self) -> int:
        """Number of people; a single person without a leading axis counts as one."""
        return self.status.shape[0] if self.is_batched else 1

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray | Array) -> FitResult:
        """The people at an index of the leading axis.

        Args:
            index: as NumPy takes it: a whole number, which counts from the end if negative; a slice; (B,) booleans; whole numbers.
        Returns:
            One person without a leading axis for a number, a batch for all else.
        Raises:
            IndexError: there is no such person.
        """
        people = people_at(index, len(self))
        batch = self if self.is_batched else jax.tree.map(lambda leaf: leaf[None], self)
        return person_of(batch, people) if isinstance(people, int) else jax.tree.map(lambda leaf: leaf[people], batch)

    def __iter__(self) -> Iterator[FitResult]:
        """Iterate over the people, each without a leading axis."""
        if not self.is_batched or _has_no_values(self.status):
            return (self[number] for number in range(len(self)))
        # Indexed on the host, which takes 2 ms per person, but unlike `person_of` compiles nothing for this number of people.
        host = jax.tree.map(np.asarray, self)
        return (jax.tree.map(lambda leaf, at=number: jnp.asarray(leaf[at]), host) for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether all arrays are the same to the bit, NaN equal to NaN, and so are the names of layout and body."""
        if not isinstance(other, FitResult):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return mine.keys() == theirs.keys() and all(_is_same(mine[name], theirs[name]) for name in mine)

    def __repr__(self) -> str:
        """One line: the number of people by status, the layout and the body."""
        statuses = None
        if not _has_no_values(self.status):
            codes, counts = np.unique(self.status, return_counts=True)
            statuses = {_status_name(code): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
        return text_line(statuses, statuses is not None and self.is_batched, self.layout, self.body.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle everything but the body."""
        return _unpickled, (self.arrays(), reference_to(self.body))

    def __copy__(self) -> FitResult:
        """The same arrays and the same body."""
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> FitResult:
        """Copies of the arrays and the same body, which is immutable."""
        return jax.tree.map(lambda leaf: copy.deepcopy(leaf, memo), self)

    def with_body(self, body: BodyModel) -> FitResult:
        """Give back the body that a pickle left out.

        A result is pickled without its body. Unpickling restores an open body by itself, also in another process; for a result with
        any other body, everything that needs the body raises `InputError` until it is given back.

        Raises:
            InputError: it is not the body that was fitted.
        """
        wanted, given = reference_to(self.body), reference_to(body)
        if given != wanted:
            raise InputError(
                f"This result was fitted with the body {wanted.name!r} of {wanted.num_betas} betas, but {given.name!r} of "
                f"{given.num_betas} betas is another body, or was rebuilt since: give the body that was fitted."
            )
        return replace(self, body=body)

    def statuses(self) -> list[FitStatus]:
        """The status of each person; of tracks, of each frame, track by track."""
        return [FitStatus(int(code)) for code in np.ravel(self.status)]

    @property
    def evidence(self) -> QualityFeatures:
        """`quality_features`, by its name in version 0.1.0."""
        warnings.warn("FitResult.evidence is now quality_features: use that name", DeprecationWarning, stacklevel=2)
        return self.quality_features

    @property
    def parameters(self) -> BodyParameters:
        """The fitted parameters alone."""
        return BodyParameters(self.global_orient, self.body_pose, self.betas, self.transl)

    def vertices(self, frame: Frame = "camera") -> Array:
        """(..., V, 3) mesh vertices [m].

        Args:
            frame: "camera", x right, y down, z forward, like all fields of the result; or "upright", x right, y up, z towards the camera.
                In both the camera is at the origin. Of a fit to several cameras, or to points in space, "camera" too is the frame of the
                fields, which is their world; "upright" takes that world to have z up, unless it is the frame of the first camera.
        """
        is_z_up = frame != "camera" and has_z_up(self)
        return in_frame(self.body.vertices(**self.parameters.blocks()), frame, is_z_up=is_z_up)

    def penetration_depth(self) -> Array:
        """(...,) how deep the body penetrates itself [m], see `smplify_jax.body.penetration`; the body needs capsules."""
        return penetration_depth(self.body, betas=self.betas, body_pose=self.body_pose)

    def in_view(self, view: int) -> FitResult:
        """A fit to several cameras as one of them sees it: in that camera's frame, with its keypoints and errors.

        Args:
            view: number of the camera, in the order in which the cameras were given.
        Raises:
            InputError: there is no such camera.
        """
        return in_view(self, view)

    def measurements(self, names: Sequence[str] | None = None, coverage: float = 0.9) -> Measurements:
        """What a tape would measure of each person, with intervals: `result.measurements()["waist girth"].low`.

        An interval holds the person's own measurement with probability `coverage`. A single view hardly knows a shape, so most intervals
        are nearly as wide as among all adults; known measurements, several cameras and points in space make them narrower.

        Args:
            names: of the measurements; all by default, see `smplify_jax.measurements.definitions`.
            coverage: between 0 and 1.
        Returns:
            Measurements (...,) in metres and kilograms, NaN for people without a body.
        Raises:
            InputError: there is no such measurement, or the body's mesh cannot be measured.
        """
        return measured_with_intervals(self.body, self.betas, self.betas_covariance, names, coverage)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that `save` writes, by name: plain arrays, the body and the layout by their names."""
        return arrays_of(self) | {"layout": np.asarray(self.layout), "body_name": np.asarray(self.body.name)}

    def save(self, path: str | PathLike[str]) -> None:
        """Write all arrays to an `.npz` file, completely or not at all.

        Raises:
            InputError: the file cannot be written.
        """
        # Without allow_pickle: older releases of NumPy do not know it here, and would write it as an array.
        arrays: dict[str, Any] = self.arrays()
        with atomic_write(path) as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | PathLike[str], body: BodyModel | None = None) -> FitResult:
        """Read a file written by `save`, executing nothing that is in it.

        Args:
            path: the file.
            body: the body that was fitted; by default the open body that the file names.
        Returns:
            A result that is `==` to the saved one.
        Raises:
            InputError: the file is not a saved result, is damaged, or was fitted with another body.
        """
        stored = read_saved(path, {status.value: status.is_usable for status in FitStatus})
        if body is None:
            # Any other body than an open one is refused below, by its name.
            version = open_body_version(str(stored["body_name"])) or "neutral"
            body = shipped_body(stored["betas"].shape[-1], version)
        check_fits_body(stored, path, body.name, body.num_betas, body.num_joints)
        return cls(**fields_of(stored), body=body)


def _unpickled(stored: Mapping[str, np.ndarray], reference: MissingBody) -> FitResult:
    return FitResult(**fields_of(stored), body=restored_body(reference))


def _is_same(mine: np.ndarray, theirs: np.ndarray) -> bool:
    return np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == theirs.dtype.kind == "f")


def _has_no_values(array: object) -> bool:
    """Whether it is a tracer, or one of the placeholders that JAX puts into pytrees."""
    return isinstance(array, Tracer) or not isinstance(array, (jax.Array, np.ndarray, np.generic))


def _status_name(code: int) -> str:
    try:
        return FitStatus(int(code)).name
    except ValueError:  # of a later release
        return f"status {code}"

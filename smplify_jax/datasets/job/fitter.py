"""What fits people: what a job asks of it, and `smplify_jax.fit` in that form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import jax
import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import complete_camera
from smplify_jax.datasets.job.plan import is_camera_given
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.errors import InputWarning
from smplify_jax.execution.batching import min_people_of_one_program, people_at_once
from smplify_jax.execution.devices import Device
from smplify_jax.files.printable import printable
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.keypoints.observations import are_mostly_outside
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult

_UNKNOWN = (np.nan, np.nan)


class BatchFitter(Protocol):
    """Fits people. It is pickled when a cluster does the job."""

    @property
    def people_at_once(self) -> int:
        """How many people a call of `fit` should have to be fast."""
        ...

    def settings(self) -> dict[str, Any]:
        """What must be the same for fits to come out the same, as JSON has it; a job goes on with equal settings only."""
        ...

    def provenance(self, layout: str) -> Provenance:
        """What fits of a layout are made with."""
        ...

    def objection(self, row: DatasetRow) -> str | None:
        """Why a person cannot be fitted, in a sentence; None if they can."""
        ...

    def fit(self, people: Sequence[DatasetRow]) -> FitResult:
        """The fits of people of one layout, all or none of whom have a camera, in their order, as NumPy arrays.

        Each one's is the same, whoever the others are: a job that was stopped goes on with others.
        """
        ...


@dataclass(frozen=True, eq=False)
class PeopleFitter:
    """`smplify_jax.fit` with the same choices for everybody.

    Attributes:
        body: the open body by default.
        prior: the shipped pose prior by default.
        profile: name of the recipe.
        num_betas: how many shape coefficients are fitted.
        num_starts: how many directions a person may face at the start; by default what the profile says.
        focal_length: [px] of pictures whose camera the dataset does not give.
        camera_center: principal point [px] of such pictures.
        searches_focal_length: try a few focal lengths for such pictures.
        guesses_cameras: fit people whose picture's size is not known, too, in a camera that is guessed from their keypoints.
        uses_all_devices: spread people over all devices of this process; see `use_all_cores`.
    """

    body: BodyModel = field(default_factory=load_body)
    prior: PosePrior = field(default_factory=load_prior)
    profile: str = "default"
    num_betas: int = 10
    num_starts: int | None = None
    focal_length: float | None = None
    camera_center: tuple[float, float] | None = None
    searches_focal_length: bool = False
    guesses_cameras: bool = False
    uses_all_devices: bool = False

    @property
    def people_at_once(self) -> int:
        """Enough for all devices."""
        return people_at_once(len(self._devices))

    def settings(self) -> dict[str, Any]:
        """The options that change fits, and the hashes of body and prior."""
        made_with = self._made_with
        return {
            "profile": self.profile,
            "num_betas": self.num_betas,
            "num_starts": self.num_starts,
            "focal_length": self.focal_length,
            "camera_center": None if self.camera_center is None else list(self.camera_center),
            "searches_focal_length": self.searches_focal_length,
            "guesses_cameras": self.guesses_cameras,
            "body_name": made_with.body_name,
            "body_hash": made_with.body_hash,
            "prior_hash": made_with.prior_hash,
            "library_version": made_with.library_version,
            "schema_version": made_with.schema_version,
        }

    def provenance(self, layout: str) -> Provenance:
        """What fits of a layout are made with."""
        return Provenance(**{**vars(self._made_with), "layout": layout})

    @cached_property
    def _made_with(self) -> Provenance:
        """Of no layout yet: hashing takes a while."""
        return Provenance.of(get_profile(self.profile), self.body, self.prior, "")

    def objection(self, row: DatasetRow) -> str | None:
        """That nothing is known of the camera, or None."""
        has_center = row.camera_center is not None or self.camera_center is not None
        if row.image_size is not None or has_center or self.guesses_cameras:
            return None
        return "the picture's size is not known: say it, say where the pictures are, or have cameras guessed"

    def fit(self, people: Sequence[DatasetRow], init: PredictedBodies | None = None) -> FitResult:
        """Fit people of one layout, all or none of whom have a camera, from the bodies `init` (B, ...) if there are any."""
        num_people, people = len(people), self._filled_up(people)
        # Whoever fills up has the first one's body, so that it needs no fit of another kind.
        rows = np.arange(len(people)) * (np.arange(len(people)) < num_people)
        keypoints = np.stack([row.keypoints for row in people])
        sizes = np.array([row.image_size or _UNKNOWN for row in people], np.float32)
        with warnings.catch_warnings():
            # It would be said of every batch, and name arguments of `fit`; `objection` says it of every person, unless guesses are wanted.
            warnings.filterwarnings("ignore", "The picture's size is not known")
            # It would name rows of this batch. Statuses tell who was not fitted, and who has a picture of another size is named below.
            warnings.simplefilter("ignore", InputWarning)
            result = fit(
                keypoints,
                layout=people[0].layout,
                image_size=sizes,
                camera=self._camera(people, keypoints, sizes),
                body=self.body,
                prior=self.prior,
                init=None if init is None else init[rows],
                profile=self.profile,
                num_betas=self.num_betas,
                num_starts=self.num_starts,
                # One device is the default; a program over one would be another program.
                devices=self._devices if len(self._devices) > 1 else None,
            )
        self._warn_of_outside(people, keypoints, sizes)
        return jax.tree.map(lambda leaf: np.asarray(leaf)[:num_people], result)

    def _warn_of_outside(self, people: Sequence[DatasetRow], keypoints: np.ndarray, sizes: np.ndarray) -> None:
        """Name the first person most of whose keypoints lie outside the picture, once: whoever follows is like them."""
        if self._named_outside:
            return
        for index in np.flatnonzero(are_mostly_outside(keypoints, sizes))[:1]:
            self._named_outside.append(people[index].id)
            width, height = sizes[index]
            warnings.warn(
                f"{printable(people[index].id)}: most keypoints lie outside the picture of {width:g} x {height:g} pixels, so this size is "
                "probably that of another one, or of another resolution; only the first such person is named.",
                InputWarning,
                stacklevel=3,
            )

    @cached_property
    def _named_outside(self) -> list[str]:
        """Who was named, nobody or one."""
        return []

    def _filled_up(self, people: Sequence[DatasetRow]) -> Sequence[DatasetRow]:
        """With people of whom nothing was seen, if there are so few that another program would fit them."""
        missing = min_people_of_one_program(len(self._devices)) - len(people)
        if missing <= 0:
            return people
        return [*people, *[replace(people[0], keypoints=np.zeros_like(people[0].keypoints))] * missing]

    @property
    def _devices(self) -> list[Device]:
        return jax.devices() if self.uses_all_devices else jax.devices()[:1]

    def _camera(
        self, people: Sequence[DatasetRow], keypoints: np.ndarray, sizes: np.ndarray
    ) -> Camera | Literal["search"] | None:
        """What the dataset says, completed by what the caller says, completed by what the profile assumes; None if nobody says anything."""
        is_given = is_camera_given(people[0])
        if not is_given and self.searches_focal_length:
            return "search"
        if not is_given and self.focal_length is None and self.camera_center is None:
            return None
        assumed = complete_camera(
            keypoints,
            sizes,
            self.focal_length,
            None if self.camera_center is None else np.asarray(self.camera_center),
            default_focal_length=get_profile(self.profile).assumed_focal_length(keypoints),
        )
        focal = np.array([row.focal_length or np.nan for row in people], np.float32)[:, None]
        center = np.array([row.camera_center or _UNKNOWN for row in people], np.float32)
        return Camera(
            np.where(np.isnan(focal), assumed.focal_length, focal),
            np.where(np.isnan(center), assumed.camera_center, center),
        )

"""What fits people: what a job asks of it, and `smplify_jax.fit` in that form."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import complete_camera
from smplify_jax.datasets.job.plan import Unit, each_alone, is_camera_given
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.errors import InputWarning
from smplify_jax.execution.batching import min_people_of_one_program, people_at_once
from smplify_jax.execution.devices import Device
from smplify_jax.files.printable import printable
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.profiles import DEFAULT, get_profile
from smplify_jax.fitting.stages import Profile
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

    def units(self, rows: Iterable[DatasetRow], pass_over: Callable[[str], None]) -> Iterator[Unit]:
        """What is fitted as a whole, always the same of the same rows.

        Args:
            rows: in the order of the input.
            pass_over: counts what is left out, by what it is.
        """
        ...

    def objection(self, row: DatasetRow) -> str | None:
        """Why a person cannot be fitted, in a sentence; None if they can."""
        ...

    def fit(self, people: Sequence[DatasetRow]) -> FitResult:
        """The fits of whole units of one layout, all or none of which have a camera, in their order, as NumPy arrays.

        Each one's is the same, whichever the others are: a job that was stopped goes on with others.
        """
        ...


@dataclass(frozen=True, eq=False)
class FitterChoices:
    """The same choices for everybody, whatever is fitted as a whole.

    Attributes:
        body: the open body by default.
        prior: the shipped pose prior by default.
        num_betas: how many shape coefficients are fitted.
        focal_length: [px] of pictures whose camera the dataset does not give.
        camera_center: principal point [px] of such pictures.
        guesses_cameras: fit people whose picture's size is not known, too, in a camera that is guessed from their keypoints.
        uses_all_devices: spread people over all devices of this process; see `use_all_cores`.
        known: measurements of everybody that are known, by their names; see `fit`.
    """

    body: BodyModel = field(default_factory=load_body)
    prior: PosePrior = field(default_factory=load_prior)
    num_betas: int = 10
    focal_length: float | None = None
    camera_center: tuple[float, float] | None = None
    guesses_cameras: bool = False
    uses_all_devices: bool = False
    known: Mapping[str, float] = field(default_factory=dict)

    @property
    def people_at_once(self) -> int:
        """Enough for all devices."""
        return people_at_once(len(self.devices))

    @property
    def devices(self) -> list[Device]:
        """Those to fit on."""
        return jax.devices() if self.uses_all_devices else jax.devices()[:1]

    @property
    def devices_if_several(self) -> list[Device] | None:
        """Those to name in a call; one device is the default, and a program over one would be another program."""
        return self.devices if len(self.devices) > 1 else None

    def settings(self) -> dict[str, Any]:
        """The options that change fits, and the hashes of body and prior."""
        made_with = self._made_with
        return {
            "profile": made_with.profile,
            "num_betas": self.num_betas,
            "focal_length": self.focal_length,
            "camera_center": None if self.camera_center is None else list(self.camera_center),
            "guesses_cameras": self.guesses_cameras,
            "body_name": made_with.body_name,
            "body_hash": made_with.body_hash,
            "prior_hash": made_with.prior_hash,
            "library_version": made_with.library_version,
            "schema_version": made_with.schema_version,
            **({"known": dict(self.known)} if self.known else {}),
        }

    def provenance(self, layout: str) -> Provenance:
        """What fits of a layout are made with."""
        return Provenance(**{**vars(self._made_with), "layout": layout})

    @cached_property
    def _made_with(self) -> Provenance:
        """Of no layout yet: hashing takes a while."""
        return Provenance.of(self._profile, self.body, self.prior, "")

    @property
    def _profile(self) -> Profile:
        return DEFAULT

    def objection(self, row: DatasetRow) -> str | None:
        """That nothing is known of the camera, or None."""
        has_center = row.camera_center is not None or self.camera_center is not None
        if row.image_size is not None or has_center or self.guesses_cameras:
            return None
        return "the picture's size is not known: say it, say where the pictures are, or have cameras guessed"

    def camera_of(
        self,
        people: Sequence[DatasetRow],
        keypoints: np.ndarray,
        sizes: np.ndarray,
        default_focal_length: ArrayLike | None,
    ) -> Camera | None:
        """What the dataset says, completed by what the caller says, and by what is assumed; None if nobody says anything.

        Args:
            people: N rows, all or none of which have a camera.
            keypoints: (N, K, 3) that a camera is guessed from.
            sizes: (N, 2) of the pictures [px], NaN where unknown.
            default_focal_length: as for `complete_camera`.
        """
        if not is_camera_given(people[0]) and self.focal_length is None and self.camera_center is None:
            return None
        assumed = complete_camera(
            keypoints,
            sizes,
            self.focal_length,
            None if self.camera_center is None else np.asarray(self.camera_center),
            default_focal_length=default_focal_length,
        )
        focal = np.array([row.focal_length or np.nan for row in people], np.float32)[:, None]
        center = np.array([row.camera_center or _UNKNOWN for row in people], np.float32)
        return Camera(
            np.where(np.isnan(focal), assumed.focal_length, focal),
            np.where(np.isnan(center), assumed.camera_center, center),
        )

    def warn_of_outside(self, people: Sequence[DatasetRow], keypoints: np.ndarray, sizes: np.ndarray) -> None:
        """Name the first person most of whose keypoints lie outside the picture, once: whoever follows is like them.

        Args:
            people: N rows.
            keypoints: (N, K, 3) of each.
            sizes: (N, 2) of the pictures [px], NaN where unknown.
        """
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


def sizes_of(people: Sequence[DatasetRow]) -> np.ndarray:
    """(N, 2) width and height [px] of each person's picture; NaN where unknown."""
    return np.array([row.image_size or _UNKNOWN for row in people], np.float32)


@contextmanager
def without_warnings_of_batches() -> Iterator[None]:
    """Leave out warnings that would be repeated for every batch, or name rows of one, or arguments of a call."""
    with warnings.catch_warnings():
        # `objection` says it of every person, unless guesses are wanted.
        warnings.filterwarnings("ignore", "The picture's size is not known")
        # Statuses tell who was not fitted, and `warn_of_outside` who has a picture of another size.
        warnings.simplefilter("ignore", InputWarning)
        yield


@dataclass(frozen=True, eq=False)
class PeopleFitter(FitterChoices):
    """`smplify_jax.fit` with the same choices for everybody.

    Attributes:
        profile: name of the recipe.
        num_starts: how many directions a person may face at the start; by default what the profile says.
        searches_focal_length: try a few focal lengths for pictures whose camera the dataset does not give.
    """

    profile: str = "default"
    num_starts: int | None = None
    searches_focal_length: bool = False

    def settings(self) -> dict[str, Any]:
        """The options that change fits, and the hashes of body and prior."""
        own = {"num_starts": self.num_starts, "searches_focal_length": self.searches_focal_length}
        return {**super().settings(), **own}

    @property
    def _profile(self) -> Profile:
        return get_profile(self.profile)

    def units(self, rows: Iterable[DatasetRow], pass_over: Callable[[str], None]) -> Iterator[Unit]:
        """Every person by themselves."""
        return each_alone(rows)

    def fit(
        self,
        people: Sequence[DatasetRow],
        init: PredictedBodies | None = None,
        init_error: str | float | None = None,
    ) -> FitResult:
        """Fit people of one layout, all or none of whom have a camera, from the bodies `init` (B, ...) if there are any."""
        num_people, people = len(people), self._filled_up(people)
        # Whoever fills up has the first one's body, so that it needs no fit of another kind.
        rows = np.arange(len(people)) * (np.arange(len(people)) < num_people)
        keypoints, sizes = np.stack([row.keypoints for row in people]), sizes_of(people)
        with without_warnings_of_batches():
            result = fit(
                keypoints,
                layout=people[0].layout,
                image_size=sizes,
                camera=self._camera(people, keypoints, sizes),
                body=self.body,
                prior=self.prior,
                init=None if init is None else init[rows],
                init_error=init_error,
                profile=self.profile,
                num_betas=self.num_betas,
                num_starts=self.num_starts,
                measurements=self.known,
                devices=self.devices_if_several,
            )
        self.warn_of_outside(people, keypoints, sizes)
        return jax.tree.map(lambda leaf: np.asarray(leaf)[:num_people], result)

    def _filled_up(self, people: Sequence[DatasetRow]) -> Sequence[DatasetRow]:
        """With people of whom nothing was seen, if there are so few that another program would fit them."""
        missing = min_people_of_one_program(len(self.devices)) - len(people)
        if missing <= 0:
            return people
        return [*people, *[replace(people[0], keypoints=np.zeros_like(people[0].keypoints))] * missing]

    def _camera(
        self, people: Sequence[DatasetRow], keypoints: np.ndarray, sizes: np.ndarray
    ) -> Camera | Literal["search"] | None:
        """As `camera_of`, or a search."""
        if self.searches_focal_length and not is_camera_given(people[0]):
            return "search"
        return self.camera_of(people, keypoints, sizes, self._profile.assumed_focal_length(keypoints))

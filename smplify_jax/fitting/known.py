"""What the caller of `fit` knows of a person's measurements: checked, and as the term takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.ages import sizes_at_age
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import open_body_version
from smplify_jax.errors import InputError
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.stages import Profile
from smplify_jax.measurements.definitions import Definition, definitions_of
from smplify_jax.measurements.measured import measure_body
from smplify_jax.measurements.shape_measures import ShapeMeasures, measure_slopes
from smplify_jax.terms.measured import KnownMeasurements

STD_BY_UNIT = {"m": 0.01, "kg": 1.0, "m3": 0.001, "kg/m2": 0.3}
"""Standard deviation with which a known measurement is taken: what people, who stand and breathe, say and measure of themselves."""

_AGE = "age"

_MOST = 5.0
"""Numbers further than this factor from the mean body's are taken for another unit. People of two years have a quarter of the mean mass of
the body of all ages."""


@dataclass(frozen=True)
class Known:
    """One measurement of N people.

    Attributes:
        values: (N,) NaN for people of whom it is not known.
        std: (N,) standard deviation of what is known.
        is_of_age: whether any of it is what people of an age have.
    """

    values: np.ndarray
    std: np.ndarray
    is_of_age: bool = False


def known_measurements(
    height: ArrayLike | None,
    mass: ArrayLike | None,
    age: ArrayLike | None,
    measurements: Mapping[str, ArrayLike] | None,
    num_people: int,
) -> dict[str, Known]:
    """All that is known, by name. An age, which may be among the measurements, becomes what people of that age measure.

    Raises:
        InputError: a name is unknown, is given twice, or its numbers cannot be used.
    """
    if measurements is not None and not isinstance(measurements, Mapping):
        raise InputError(
            f'measurements is a {type(measurements).__name__}: give a dictionary such as {{"waist girth": 0.84}}.'
        )
    known: dict[str, Any] = dict(measurements or {})
    for argument, name, value in (("height", "stature", height), ("mass", "mass", mass), ("age", _AGE, age)):
        if value is not None and name in known:
            raise InputError(f"{argument} and the measurement {name!r} are both given: give one of them.")
        known |= {} if value is None else {name: value}
    years = known.pop(_AGE, None)
    units = {one.name: one.unit for one in definitions_of(tuple(known))} if known else {}
    rows = {name: _row(name, value, num_people) for name, value in known.items()}
    found = {name: Known(row, np.full(num_people, STD_BY_UNIT[units[name]])) for name, row in rows.items()}
    return found if years is None else found | _known_by_age(_row(_AGE, years, num_people), found)


def _known_by_age(years: np.ndarray, given: Mapping[str, Known]) -> dict[str, Known]:
    """The sizes of people of these ages (N,), where nobody gave them. Who has a known mass needs no body-mass index."""
    found = {}
    is_weighed = np.isfinite(given["mass"].values) if "mass" in given else np.zeros(len(years), bool)
    for name, (mean, std) in sizes_at_age(years).items():
        values = np.where(is_weighed & (name != "stature"), np.nan, mean)
        if name in given:
            is_given = np.isfinite(given[name].values)
            values, std = np.where(is_given, given[name].values, values), np.where(is_given, given[name].std, std)
        found[name] = Known(values, std, is_of_age=True)
    return found


def check_known(known: Mapping[str, Known], body: BodyModel, profile: Profile) -> None:
    """Check that a body has these measurements, and that the profile uses them.

    Raises:
        InputError: it does not, or a number is that of another unit.
    """
    if not known:
        return
    if profile.refine[-1].weights.measurements is None:
        raise InputError(
            f"The profile {profile.name!r} does not use known measurements: use the profile 'default', or give the last round of yours a "
            "weight `measurements`."
        )
    if any(one.is_of_age for one in known.values()) and open_body_version(body.name) != "all_ages":
        raise InputError(
            f"An age is known, and the body {body.name!r} has adults only: fit load_body(all_ages=True), or give the height instead."
        )
    for name, mean in measure_body(body, names=tuple(known)).items():
        _check_unit(mean.definition, known[name].values, float(mean.value))


def as_term_takes_it(known: Mapping[str, Known]) -> KnownMeasurements | None:
    """With a leading axis of people; None if nothing is known."""
    if not known:
        return None
    values = np.stack([one.values for one in known.values()], axis=1)
    std = np.stack([one.std for one in known.values()], axis=1)
    is_known = np.isfinite(values)
    return KnownMeasurements(
        np.where(is_known, values, 0.0).astype(np.float32), np.where(is_known, 1.0 / std, 0.0).astype(np.float32)
    )


def population_covariance(measures: ShapeMeasures | None, frames: Frames, betas: np.ndarray) -> np.ndarray:
    """(T, B, B) covariance of the betas (T, B) of everybody who has the measurements that are known of the frames' people."""
    precision = np.broadcast_to(np.eye(betas.shape[1]), (*betas.shape, betas.shape[1]))
    if measures is not None and frames.known is not None:
        slopes = np.asarray(frames.known.scale)[..., None] * measure_slopes(measures, betas)
        precision = precision + np.einsum("tmb,tmc->tbc", slopes, slopes)
    return np.linalg.inv(precision).astype(np.float32)


def _row(name: str, value: Any, num_people: int) -> np.ndarray:
    try:
        row = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"The measurement {name!r} is {value!r:.40}: give a number, or one for each person.") from None
    if row.shape not in ((), (1,), (num_people,)):
        raise InputError(
            f"The measurement {name!r} has shape {row.shape}: give one number for everybody, or {num_people}, one for each person."
        )
    return np.broadcast_to(row, num_people)


def _check_unit(definition: Definition, values: np.ndarray, mean: float) -> None:
    if definition.is_signed:
        return
    low, high = mean / _MOST, mean * _MOST
    wrong = values[~np.isnan(values) & ~((values > low) & (values < high))]
    if len(wrong):
        raise InputError(
            f"The measurement {definition.name!r} is {wrong[0]:g}: give it in {definition.unit}, between {low:.3g} and {high:.3g}."
        )

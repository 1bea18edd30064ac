"""Measurements as they are given back: by name, with their units and intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.load import shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.measurements.definitions import Definition, definitions_of
from smplify_jax.measurements.shape_measures import measure_shapes, shape_measures


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measurement of one person (), or of many (...,).

    Attributes:
        definition: its name, clause, unit, and how it is taken.
        value: in `definition.unit`; NaN for people without a body.
        low, high: ends of the interval; None where the shape is known.
    """

    definition: Definition
    value: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None

    def __repr__(self) -> str:
        """The name, and for one person the value and the interval."""
        name, unit = self.definition.name, self.definition.unit
        if self.value.ndim:
            return f"<{name} [{unit}] of {self.value.shape} people>"
        between = "" if self.low is None or self.high is None else f", {self.low:.3f} to {self.high:.3f}"
        return f"<{name} {self.value:.3f} {unit}{between}>"


@dataclass(frozen=True, eq=False)
class Measurements(Mapping[str, Measurement]):
    """Measurements by name: `measurements["waist girth"].value`.

    Attributes:
        definitions: of the M measurements.
        numbers: (..., M) in the units of the definitions.
        low, high: (..., M) ends of the intervals; None where the shape is known.
        coverage: probability that an interval holds the truth; None where the shape is known.
    """

    definitions: tuple[Definition, ...]
    numbers: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    coverage: float | None = None

    def __getitem__(self, name: str) -> Measurement:
        """The measurement of that name."""
        names = [one.name for one in self.definitions]
        if name not in names:
            raise KeyError(name)
        at = names.index(name)
        low, high = (None if ends is None else ends[..., at] for ends in (self.low, self.high))
        return Measurement(self.definitions[at], self.numbers[..., at], low, high)

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the definitions."""
        return (one.name for one in self.definitions)

    def __len__(self) -> int:
        """How many measurements there are, not how many people."""
        return len(self.definitions)

    def __repr__(self) -> str:
        """One line."""
        people = f"of {self.numbers.shape[:-1]} people" if self.numbers.ndim > 1 else "of one person"
        with_intervals = "" if self.coverage is None else f", with {100 * self.coverage:.0f} % intervals"
        return f"<{len(self)} measurements {people}{with_intervals}>"


def measure_body(
    body: BodyModel | None, betas: ArrayLike | None = None, *, names: Sequence[str] | None = None
) -> Measurements:
    """Measure bodies of known shape, as a tape would at rest in the T-pose.

    Args:
        body: of the SMPL family; None for the open body.
        betas: (..., n) shapes with n at most the body's number of betas; the mean shape by default. Beyond a norm of 8 a girth may be too
            short, because the tape knows only the edges near its plane.
        names: of the measurements, in the order wanted; all by default, see `smplify_jax.measurements.definitions`.
    Returns:
        The measurements (...,) in metres and kilograms, without intervals.
    Raises:
        InputError: there is no such measurement, the betas do not suit the body, or its mesh cannot be measured.
    Source: ISO 8559-1:2017; girths are perimeters of the convex hull of the mesh's cut.
    """
    definitions = definitions_of(names)
    shape = np.zeros(1 if body is None else body.num_betas) if betas is None else np.asarray(betas, np.float32)
    if shape.ndim < 1 or shape.shape[-1] < 1:
        raise InputError(
            f"betas has shape {shape.shape}: give (n,) for one person or (..., n) for several, n at least 1."
        )
    measured = shipped_body(shape.shape[-1]) if body is None else body
    measures = shape_measures(measured, shape.shape[-1]).only([one.name for one in definitions])
    return Measurements(definitions, measure_shapes(measures, shape))

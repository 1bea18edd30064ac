"""The measurements by name: their clause in ISO 8559-1, their unit, and how they are taken here.

Source: ISO 8559-1:2017, Size designation of clothes - Part 1: Anthropometric definitions for body measurement. The clauses are those that
two public lists agree on; where they do not, or where a measurement is not in the standard, the clause is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smplify_jax.errors import InputError

BODY_DENSITY = 1000.0
"""[kg/m^3] of a living body with air in its lungs; also what the open body's population was built with."""


@dataclass(frozen=True)
class Definition:
    """One measurement.

    Attributes:
        name: in the standard's words where it has one.
        clause: of ISO 8559-1:2017, or None.
        unit: "m", "kg", "m3" or "kg/m2".
        text: how it is taken.
        is_signed: whether it may be zero or negative.
    """

    name: str
    clause: str | None
    unit: str
    text: str
    is_signed: bool = False


DEFINITIONS = (
    Definition("stature", "5.1.1", "m", "from the floor to the top of the head"),
    Definition("inside leg height", "5.1.15", "m", "from the floor to the crotch"),
    Definition("neck girth", "5.3.2", "m", "perpendicular to the neck, where it is narrowest"),
    Definition("bust girth", "5.3.4", "m", "horizontal, at the most prominent points of the chest"),
    Definition("under bust girth", None, "m", "horizontal, at the crease below the breasts"),
    Definition("waist girth", "5.3.10", "m", "horizontal, where the trunk is narrowest"),
    Definition("abdominal girth", None, "m", "horizontal, at the most prominent point of the belly"),
    Definition("top hip girth", "5.3.12", "m", "horizontal, midway between waist and hip"),
    Definition("hip girth", "5.3.13", "m", "horizontal, at the most prominent points of the buttocks"),
    Definition("upper-arm girth", "5.3.16", "m", "perpendicular to the right arm, midway from shoulder point to elbow"),
    Definition("wrist girth", "5.3.19", "m", "perpendicular to the right forearm, at the wrist"),
    Definition("thigh girth", "5.3.20", "m", "horizontal, of the right thigh just below the crotch"),
    Definition("mid-thigh girth", "5.3.21", "m", "horizontal, of the right thigh midway from crotch to knee"),
    Definition("knee girth", "5.3.22", "m", "horizontal, at the middle of the right knee"),
    Definition("calf girth", "5.3.24", "m", "horizontal, where the right calf is thickest"),
    Definition("ankle girth", None, "m", "horizontal, where the right leg is thinnest"),
    Definition(
        "across back shoulder width", "5.4.3", "m", "from shoulder point to shoulder point over the back neck point"
    ),
    Definition("back neck point to waist", "5.4.5", "m", "along the middle of the back"),
    Definition("back neck point to wrist length", "5.4.17", "m", "over the right shoulder point and the elbow"),
    Definition("total crotch length", "5.4.18", "m", "from the front of the waist through the crotch to its back"),
    Definition("front rise", None, "m", "the front part of the total crotch length"),
    Definition("back rise", None, "m", "the back part of the total crotch length"),
    Definition("shirt length", None, "m", "from the side of the neck along the front to the height of the crotch"),
    Definition("outer arm length", "5.7.8", "m", "from the right shoulder point over the elbow to the wrist"),
    Definition(
        "belly depth", None, "m", "how far the belly reaches forward of the crease below the breasts", is_signed=True
    ),
    Definition("volume", None, "m3", "of the mesh"),
    Definition("mass", "5.6.1", "kg", f"volume times {BODY_DENSITY:.0f} kg/m3"),
    Definition("body mass index", None, "kg/m2", "mass divided by the square of the stature"),
)
"""All measurements, in the order in which they are reported."""

NAMES = tuple(one.name for one in DEFINITIONS)


def definitions_of(names: Sequence[str] | None) -> tuple[Definition, ...]:
    """The definitions with these names, in the order asked for; all of them for None.

    Raises:
        InputError: there is no such measurement, and the message lists them; or the names are no list, or none.
    """
    if names is None:
        return DEFINITIONS
    if isinstance(names, str) or not len(names):
        raise InputError(f"names is {names!r:.40}: give a list of measurements, such as ['stature'].")
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise InputError(f"There is no measurement {unknown[0]!r}: give some of {', '.join(NAMES)}.")
    by_name = {one.name: one for one in DEFINITIONS}
    return tuple(by_name[name] for name in names)

"""The measurements, as a table and as a dict for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.body.capsules import PARTS
from smplify_jax.learn.capsules.recipe import Learned

_COLUMNS = {
    "length_mm": "length",
    "radius_mm": "radius",
    "surface_rms_mm": "skin to capsule",
    "searched_rms_mm": "before regression",
    "inward_rms_mm": "capsule to skin",
    "length_error_mm": "length error",
    "radius_error_mm": "radius error",
    "center_error_mm": "middle error",
}


def make_report(learned: Learned) -> dict[str, Any]:
    """Per part [mm], rounded to a tenth: sizes of the mean shape, surface distances and held-out regression errors."""
    columns = (
        learned.capsules.betas2lens[-1],
        learned.capsules.betas2rads[-1],
        learned.surface_rms,
        learned.searched_rms,
        learned.inward_rms,
        learned.length_error,
        learned.radius_error,
        learned.center_error,
    )
    in_mm = {name: 1000 * np.asarray(values, float) for name, values in zip(_COLUMNS, columns, strict=True)}
    return {
        "parts": {part: {name: round(float(mm[i]), 1) for name, mm in in_mm.items()} for i, part in enumerate(PARTS)},
        "ridge_strengths": dict(zip(("length", "radius", "middle"), learned.strengths, strict=True)),
    }


def format_report(report: dict[str, Any]) -> str:
    """The report as a Markdown table."""
    lines = ["| part [mm] | " + " | ".join(_COLUMNS.values()) + " |", "|---|" + "---|" * len(_COLUMNS)]
    for part, values in report["parts"].items():
        lines.append(f"| {part} | " + " | ".join(f"{values[name]:.1f}" for name in _COLUMNS) + " |")
    return "\n".join(lines)

"""Measurements of the built body: the numbers in docs/open_body.md."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from smplify_jax.body.open_body import read_open_body
from smplify_jax.learn.open_body.adults import Adults
from smplify_jax.learn.open_body.build import Built
from smplify_jax.learn.open_body.joints import LEFT_AND_MIDDLE
from smplify_jax.learn.open_body.measures import (
    body_mass_index,
    extreme_betas,
    limb_angle,
    outer_thickness,
    posed,
    shaped,
    volume,
)
from smplify_jax.learn.open_body.t_pose import ARM_DIRECTION, SHANK_DIRECTION

ELBOW = ("left_shoulder", "left_elbow", "left_wrist"), [0.0, -1.0, 0.0]
KNEE = ("left_hip", "left_knee", "left_ankle"), [1.0, 0.0, 0.0]
SQUAT = {f"{side}_{joint}": angle for side in ("left", "right") for joint, angle in
         (("hip", [-100.0, 0.0, 0.0]), ("knee", [120.0, 0.0, 0.0]), ("ankle", [20.0, 0.0, 0.0]))}  # fmt: skip

Report = dict[str, float | dict[str, float]]


def make_report(built: Built, path: Path) -> Report:
    """Measure the written file and the population it came from.

    Args:
        built: the result of `build`.
        path: the file written from it.
    """
    return _file_report(path) | _shape_report(built) | _population_report(built.train) | _joint_report(built)


def _file_report(path: Path) -> Report:
    start = time.perf_counter()
    body = read_open_body(path)
    seconds = time.perf_counter() - start
    template, faces = body["v_template"], body["faces"]
    joints = body["J_regressor"] @ template
    squat, _ = posed(body, SQUAT)
    return {
        "file size [MB]": path.stat().st_size / 1e6,
        "load time [ms]": 1e3 * seconds,
        "vertices": len(template),
        "faces": len(faces),
        "height at beta 0 [m]": float(np.ptp(template[:, 1])),
        "volume at beta 0 [m3]": volume(template, faces),
        "BMI at beta 0": body_mass_index(template, faces),
        "largest BMI with |beta| 2.5": body_mass_index(shaped(body, extreme_betas(body, 2.5, 1)), faces),
        "smallest BMI with |beta| 2.5": body_mass_index(shaped(body, extreme_betas(body, 2.5, -1)), faces),
        "upper arm off x [degrees]": limb_angle(joints, "left_shoulder", "left_elbow", ARM_DIRECTION),
        "forearm off x [degrees]": limb_angle(joints, "left_elbow", "left_wrist", ARM_DIRECTION),
        "shank off its direction [degrees]": limb_angle(joints, "left_knee", "left_ankle", SHANK_DIRECTION),
        "elbow at 120 degrees, outer thickness, of rest": outer_thickness(body, *ELBOW, 120.0)
        / outer_thickness(body, *ELBOW, 0.0),
        "knee at 120 degrees, outer thickness, of rest": outer_thickness(body, *KNEE, 120.0)
        / outer_thickness(body, *KNEE, 0.0),
        "volume change in a squat [%]": 100.0 * (volume(squat, faces) / volume(template, faces) - 1.0),
    }


def _shape_report(built: Built) -> Report:
    report: Report = {}
    for num_betas in (10, 16):
        shapes = built.held_out.shapes
        fitted = built.space.shapes(built.space.project(shapes, num_betas))
        error = 1e3 * np.linalg.norm(fitted - shapes, axis=-1)
        left_out = np.sum(built.space.vertex_weights * np.sum((fitted - shapes) ** 2, axis=-1))
        spread = np.sum(built.space.vertex_weights * np.sum((shapes - built.space.mean) ** 2, axis=-1))
        report[f"variance explained by {num_betas} betas, learned from [%]"] = (
            100.0 * built.space.explained[:num_betas].sum()
        )
        report[f"variance explained by {num_betas} betas, held out [%]"] = 100.0 * (1.0 - left_out / spread)
        report[f"vertex error of {num_betas} betas, held out [mm]"] = error.mean()
    return report


def _population_report(adults: Adults) -> Report:
    population = adults.population
    percentiles = (0, 5, 25, 50, 75, 95, 100)
    return {
        "population's BMI, percentiles": {
            str(p): v for p, v in zip(percentiles, np.percentile(population.bmi, percentiles), strict=True)
        },
        "population's height [m], percentiles": {
            str(p): v for p, v in zip(percentiles, np.percentile(population.height, percentiles), strict=True)
        },
        "adults with weight beyond MakeHuman's range [%]": 100.0
        * float(np.mean((population.weight_factor < 0) | (population.weight_factor > 1))),
    }


def _joint_report(built: Built) -> Report:
    adults = built.held_out
    regressed = np.einsum("jn,snc->sjc", built.body.regressor, adults.shapes)
    is_middle = [not name.startswith("left_") for name in LEFT_AND_MIDDLE]
    regressed[:, is_middle, 0] = 0.0

    def errors(joints: np.ndarray) -> dict[str, float]:
        error = 1e3 * np.linalg.norm(regressed - joints, axis=-1).mean(axis=0)
        return dict(zip(LEFT_AND_MIDDLE, error.tolist(), strict=True)) | {"mean": float(error.mean())}

    return {
        "joint regressor error, held out [mm]": errors(adults.joints),
        "the same against the rig's own knee [mm]": {"left_knee": errors(adults.rig_joints)["left_knee"]},
    }


def format_report(report: Report) -> str:
    """One line per measure."""
    lines = []
    for name, value in report.items():
        if isinstance(value, dict):
            lines.append(f"{name}: " + ", ".join(f"{key} {number:.4g}" for key, number in value.items()))
        else:
            lines.append(f"{name}: {value:.5g}")
    return "\n".join(lines)

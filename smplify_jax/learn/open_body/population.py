"""A population of adults, or of all ages: sampled factors, solved so that height and body-mass index follow given distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.open_body import growth
from smplify_jax.learn.open_body.factors import RACES, macro_coefficients

MEAN_HEIGHT = (1.63, 1.76)
"""[m], women and men."""
SPREAD_HEIGHT = (0.065, 0.07)
MEDIAN_BMI = 25.5
SPREAD_LOG_BMI = 0.19
BMI_RANGE = (16.0, 44.0)
DENSITY = 1000.0
"""[kg/m^3] of a body with air in its lungs."""
NUM_SOLVER_STEPS = 9
FIRST_GAIN, GAIN_RANGE = 0.5, (0.2, 1.5)
"""Change of the weight factor per change of log BMI: the first guess, and bounds on the later secants."""
WEIGHT_RANGE = (-0.3, 1.6)
CHUNK = 60

LOCAL_SPREAD = {
    "torso/torso-scale-vert": 0.22,
    "torso/torso-scale-horiz": 0.18,
    "torso/torso-scale-depth": 0.18,
    "torso/torso-vshape": 0.25,
    "torso/measure-shoulder-dist": 0.18,
    "torso/measure-bust-circ": 0.10,
    "torso/measure-waist-circ": 0.12,
    "torso/measure-hips-circ": 0.10,
    "hip/hip-scale-horiz": 0.20,
    "hip/hip-scale-depth": 0.18,
    "stomach/stomach-tone": 0.30,
    "stomach/stomach-pregnant": 0.12,
    "buttocks/buttocks-volume": 0.25,
    "neck/neck-scale-vert": 0.12,
    "neck/neck-scale-horiz": 0.20,
    "head/head-scale-vert": 0.15,
    "head/head-scale-horiz": 0.15,
    "legs/upperlegs-height": 0.20,
    "legs/lowerlegs-height": 0.20,
    "legs/l-upperleg-fat": 0.25,
    "legs/l-lowerleg-fat": 0.25,
    "arms/measure-upperarm-length": 0.18,
    "arms/measure-lowerarm-length": 0.18,
    "arms/l-upperarm-fat": 0.25,
    "hands/l-hand-scale": 0.16,
    "feet/l-foot-scale": 0.15,
}
"""Standard deviations of local traits that the macro factors lack; each trait is a pair of targets, -decr and -incr."""


def local_target_names() -> list[str]:
    """Names of the local targets; "l-" stands for both sides."""
    return [f"{trait}-{end}" for trait in LOCAL_SPREAD for end in ("decr", "incr")]


@dataclass(frozen=True)
class Population:
    """S sampled people.

    Attributes:
        years: (S,) ages of a population of all ages; None for adults, whose years are not known.
        scale: (S,) by what the morphed bodies are scaled; 1 for adults.
        coefficients: (S, T) target weights, macro targets first.
        height: (S,) [m].
        bmi: (S,) [kg/m^2].
        weight_factor: (S,) the solved factor; beyond 0 to 1 it extrapolates.
    """

    years: np.ndarray | None
    scale: np.ndarray
    coefficients: np.ndarray
    height: np.ndarray
    bmi: np.ndarray
    weight_factor: np.ndarray


def sample_factors(rng: np.random.Generator, num_samples: int, version: str) -> dict[str, np.ndarray]:
    """Draw factors independently; height and weight are average, to be solved for later.

    Args:
        rng: the source of randomness.
        num_samples: S.
        version: "female" for women, "male" for men, "neutral" for both in turn; "all_ages" as well, with "years" among the factors.
    """
    both = np.arange(num_samples) % 2
    is_male = {"female": np.zeros_like(both), "male": np.ones_like(both)}.get(version, both)
    blur = np.minimum(np.abs(rng.normal(0.0, 0.12, num_samples)), 0.4)
    races = rng.dirichlet(np.ones(len(RACES)), num_samples)
    factors = {"gender": np.abs(is_male - blur), "age": np.clip(rng.normal(0.2, 0.25, num_samples), 0.0, 1.0)}
    for name, spread in (("muscle", 0.17), ("proportions", 0.15), ("cup", 0.2), ("firmness", 0.15)):
        factors[name] = np.clip(rng.normal(0.5, spread, num_samples), 0.05, 0.95)
    factors |= {"weight": np.full(num_samples, 0.5), "height": np.full(num_samples, 0.5)}
    factors |= dict(zip(RACES, races.T, strict=True))
    if version != "all_ages":
        return factors
    years = growth.sample_years(rng, num_samples)
    cup = np.minimum(factors["cup"], growth.most_cup(years))
    return factors | {"years": years, "age": growth.age_factor(years), "cup": cup}


def with_muscle_that_fits(factors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The factors with muscle decreasing towards both ends of weight.

    With average muscle, MakeHuman's heaviest woman has a BMI of 22. Only little muscle with much weight looks and weighs
    like a heavy person, and little muscle with little weight like a thin one.
    """
    heavy = np.clip((factors["weight"] - 0.5) / 0.5, 0.0, 1.0)
    light = np.clip((0.4 - factors["weight"]) / 0.4, 0.0, 1.0)
    return factors | {"muscle": factors["muscle"] * (1.0 - 0.9 * heavy) * (1.0 - 0.6 * light)}


def sample_population(
    rng: np.random.Generator,
    num_samples: int,
    version: str,
    macro_names: list[str],
    targets: np.ndarray,
    template: np.ndarray,
    triangles: np.ndarray,
) -> Population:
    """Draw people and solve their height and weight factors.

    Args:
        rng: the source of randomness.
        num_samples: S.
        version: as in `sample_factors`.
        macro_names: the macro targets; local ones follow them in `targets`, in the order of `local_target_names`.
        targets: (T, N, 3) displacements of the left half's vertices [m].
        template: (N, 3) the left half's vertices without targets [m].
        triangles: (F, 3) of the left half.
    """
    factors = sample_factors(rng, num_samples, version)
    years = factors.get("years")
    sex = np.round(factors["gender"]).astype(int)
    height, bmi = _adult_sizes(rng, sex) if years is None else growth.sample_sizes(rng, years, sex == 1)
    local = _sample_local(rng, num_samples)
    # In double precision, so that the result rounds to the same file for any number of threads.
    flat = targets.reshape(len(targets), -1).astype(np.float64)

    def measure(values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        coefficients = np.concatenate([macro_coefficients(with_muscle_that_fits(values), macro_names), local], axis=1)
        tall, volume = [], []
        for k in range(0, num_samples, CHUNK):
            vertices = (coefficients[k : k + CHUNK] @ flat).reshape(-1, *template.shape) + template
            vertices *= scale[k : k + CHUNK, None, None]
            tall.append(np.ptp(vertices[..., 1], axis=1))
            volume.append(2.0 * half_volume(vertices, triangles))
        height_now = np.concatenate(tall)
        return coefficients, height_now, DENSITY * np.concatenate(volume) / height_now**2

    scale = np.ones(num_samples)
    if years is not None:
        scale = growth.child_scale(years, sex == 1, measure(factors)[1])
    gain = np.full(num_samples, FIRST_GAIN)
    last_weight, last_log = np.full(num_samples, np.nan), np.full(num_samples, np.nan)
    for _ in range(NUM_SOLVER_STEPS):
        _, tall, index = measure(factors)
        # Half a unit of the height factor is about half a metre.
        factors["height"] = factors["height"] + 0.8 * (height - tall)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (factors["weight"] - last_weight) / (np.log(index) - last_log)
        gain = np.clip(np.where(np.isfinite(secant), secant, gain), *GAIN_RANGE)
        last_weight, last_log = factors["weight"], np.log(index)
        step = gain * np.clip(np.log(bmi / index), -0.5, 0.5)
        factors["weight"] = np.clip(factors["weight"] + step, *WEIGHT_RANGE)
    coefficients, tall, index = measure(factors)
    return Population(years, scale, coefficients, tall, index, factors["weight"])


def _adult_sizes(rng: np.random.Generator, sex: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S,) heights [m] and (S,) body-mass indices [kg/m^2] of women (0) and men (1)."""
    spread = np.clip(rng.normal(size=len(sex)), -2.8, 2.8)
    height = np.array(MEAN_HEIGHT)[sex] + np.array(SPREAD_HEIGHT)[sex] * spread
    return height, np.clip(MEDIAN_BMI * np.exp(SPREAD_LOG_BMI * rng.normal(size=len(sex))), *BMI_RANGE)


def _sample_local(rng: np.random.Generator, num_samples: int) -> np.ndarray:
    """(S, 2 L) weights of the local targets, -decr and -incr in turn."""
    spread = np.array(list(LOCAL_SPREAD.values()))
    value = spread * np.clip(rng.normal(size=(num_samples, len(spread))), -2.5, 2.5)
    return np.stack([np.maximum(-value, 0.0), np.maximum(value, 0.0)], axis=-1).reshape(num_samples, -1)


def half_volume(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(S,) volume [m^3] of left halves whose midline lies in the plane x = 0, which therefore need no cap."""
    a, b, c = (np.take(vertices, triangles[:, k], axis=-2) for k in range(3))
    normal_x = (b[..., 1] - a[..., 1]) * (c[..., 2] - a[..., 2]) - (b[..., 2] - a[..., 2]) * (c[..., 1] - a[..., 1])
    return np.sum((a[..., 0] + b[..., 0] + c[..., 0]) * normal_x, axis=-1) / 6.0

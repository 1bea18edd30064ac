"""MakeHuman's macro factors and how a target's weight follows from them.

A macro target is named after the factor values it was sculpted for, such as
"universal-female-young-minmuscle-maxweight". Its weight is the product of its factors' coefficients, and each
coefficient is piecewise linear in the factor: one at its own value, zero at the neighbouring values.
"""

from __future__ import annotations

import numpy as np

from smplify_jax.learn.open_body.source import Source

RACES = ("african", "asian", "caucasian")
_THREE_STEPS = ("muscle", "weight", "cup", "firmness")
MACRO_FOLDERS = ("macrodetails", "macrodetails/height", "macrodetails/proportions", "breast")
AGES = ("baby", "child", "young", "old")
"""MakeHuman's, in the order of the age factors -2, -1, 0 and 1."""
ADULT_AGES = AGES[2:]


def macro_target_names(source: Source, ages: tuple[str, ...]) -> list[str]:
    """The targets that shape people of these ages: 336 shape adults, 564 people of all `AGES`."""
    return [
        name
        for folder in MACRO_FOLDERS
        for name in source.target_names(folder)
        if len(_words(name)) >= 3 and not set(ages).isdisjoint(_words(name))
    ]


def _words(name: str) -> list[str]:
    return name.split("/")[-1].split("-")


def macro_coefficients(factors: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    """Weights of macro targets.

    Args:
        factors: (S,) values named gender (0 female, 1 male), age (0 young, 1 old; -2 baby, -1 child), muscle, weight, height, proportions,
            cup, firmness (0 to 1, 0.5 is average; beyond that range they extrapolate), african, asian, caucasian (sum
            to 1).
        names: T target names.
    Returns:
        (S, T) weights.
    """
    words = {"female": 1.0 - factors["gender"], "male": factors["gender"]}
    words |= {
        age: np.interp(factors["age"], range(-2, 2), row) for age, row in zip(AGES, np.eye(len(AGES)), strict=True)
    }
    words |= {race: factors[race] for race in RACES}
    for name in _THREE_STEPS:
        value = factors[name]
        low, high = np.maximum(1.0 - 2.0 * value, 0.0), np.maximum(2.0 * value - 1.0, 0.0)
        words |= {f"min{name}": low, f"max{name}": high, f"average{name}": 1.0 - low - high}
    for name, low_word, high_word in (
        ("height", "minheight", "maxheight"),
        ("proportions", "uncommonproportions", "idealproportions"),
    ):
        words[low_word] = np.maximum(1.0 - 2.0 * factors[name], 0.0)
        words[high_word] = np.maximum(2.0 * factors[name] - 1.0, 0.0)
    words["universal"] = np.ones_like(factors["gender"])
    return np.stack([np.prod([words[word] for word in _words(name)], axis=0) for name in names], axis=-1)

"""Learn the capsules of a body: `python -m smplify_jax.learn.capsules [--body FILE] --out FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from smplify_jax.body.capsule_files import save_capsules
from smplify_jax.body.load import load_body
from smplify_jax.learn.capsules.recipe import Recipe, learn_capsules
from smplify_jax.learn.capsules.report import format_report, make_report
from smplify_jax.learn.command import run

DEFAULT_RECIPE = Recipe()


def main(
    out: Path,
    body: Path | None = None,
    gender: str | None = None,
    all_ages: bool = False,
    report: Path | None = None,
    recipe: Recipe = DEFAULT_RECIPE,
) -> None:
    """Learn the 20 capsules of a body. The same body and recipe give the same file.

    Args:
        out: the .npz to write.
        body: a file of the SMPL family, or a folder of models; the open body by default.
        gender: which file of a folder to use, or which open body.
        all_ages: take the open body of all ages.
        report: also write the measurements to this JSON file.
        recipe: how to learn.
    """
    model = load_body(body, gender, all_ages=all_ages)
    learned = learn_capsules(model, recipe, lambda text: print(text, file=sys.stderr))
    save_capsules(out, learned.capsules, len(model.v_template))
    measured = make_report(learned)
    print(format_report(measured))
    if report is not None:
        report.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    run(main)

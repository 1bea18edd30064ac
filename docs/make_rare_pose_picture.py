"""Draw the picture of rare poses in docs/results.md: `python docs/make_rare_pose_picture.py`.

Above, a body of each family that is measured with; below, what `fit` makes of its exact keypoints, in the camera's view from its right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from smplify_jax import fit, load_body
from smplify_jax.geometry.metrics import similarity_aligned
from smplify_jax.learn.people import People, PeopleOptions, make_people
from smplify_jax.learn.rare_poses import FAMILIES
from smplify_jax.pictures.views import contact_sheet, render_views

PATH = Path(__file__).parent / "pictures" / "rare_poses.png"
LAYOUT = "openpose25"
NUM_COLORS = 96
_TILE = (200, 200)
_YAWS = (25.0,)


def main() -> None:
    """Draw the people and their fits, and save the sheet."""
    body = load_body(num_betas=10)
    families = [name for name, family in FAMILIES.items() if family.split == "val"]
    people = make_people(Path(), body, LAYOUT, options=PeopleOptions(num_rare=len(families), seed=4))
    result = fit(**people.as_seen(), body=body)
    true, fitted = np.asarray(body.vertices(**people.truth.blocks())), np.asarray(result.vertices())
    aligned = [similarity_aligned(ours, truth) for ours, truth in zip(fitted, true, strict=True)]
    errors = [
        1000 * float(np.linalg.norm(ours - truth, axis=1).mean()) for ours, truth in zip(aligned, true, strict=True)
    ]
    tiles = [
        _tile(body.faces, vertices, people, row) for meshes in (true, aligned) for row, vertices in enumerate(meshes)
    ]
    labels = [*families, *(f"{error:.0f} mm" for error in errors)]
    sheet = Image.fromarray(contact_sheet(tiles, len(families), labels=labels))
    sheet.quantize(NUM_COLORS, dither=Image.Dither.NONE).save(PATH, optimize=True)


def _tile(faces: np.ndarray, vertices: np.ndarray, people: People, row: int) -> np.ndarray:
    """A body as the camera that saw it would see it from a little to the side; the camera's y points down."""
    upright = (vertices - vertices.mean(axis=0)) * (1.0, -1.0, -1.0)
    return render_views(upright, faces, _YAWS, _TILE)[0]


if __name__ == "__main__":
    main()

"""What `smplify-fit` can be told: frozen dataclasses whose docstrings are the help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from smplify_jax.keypoints.formats.registry import FORMAT_NAMES


def shown(metavar: str) -> Any:
    """How an optional value looks in the help; its default, None, is explained in words instead."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


FormatOption = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="NAME",
        help_behavior_hint="",
        help=f"of the files: {', '.join(FORMAT_NAMES)}; by default recognised by how they begin.",
    ),
]
"""How both programs take the name of a format."""

DESCRIPTION = """Fit the SMPL body to the 2D keypoints of people in pictures.

For every person found, NAME.npz (pose, shape, camera), NAME.obj (the mesh, y up) and NAME_overlay.png (the body over
the picture) are written to the folder --out, and one summary.json for all. Reads the formats of many detectors and data
sets (--format lists them), and .npz with the arrays keypoints (B, K, 3) and layout.

Whoever cannot be used stops nobody else: each gets a sentence, and the exit status is 1.

Examples:
  smplify-fit --example                                   try it on the picture that comes with the program
  smplify-fit photo_keypoints.json --image photo.jpg --out fits
  smplify-fit openpose_output/ --image frames/ --focal-length 1150 --body models/smpl --gender female --out fits
"""

EXAMPLE_FOLDER = Path("smplify_example")


@dataclass(frozen=True)
class ReadOptions:
    """How inputs are read.

    Attributes:
        layout: order of the keypoints, if the file does not say it or says it wrong: lsp14, coco17, coco23, openpose18,
            openpose25, openpose25b, halpe26, mpii16, h36m17, smpl24 or spin49.
        image: the picture of a single-picture input, or a folder with pictures named as in the keypoint files.
        image_size: width and height of the pictures, where neither the keypoint file nor --image tells them.
        drop_outside: do not use keypoints outside the picture; without it they count, as truncated people have them.
    """

    layout: Annotated[str | None, shown("NAME")] = None
    format: FormatOption = None
    image: Annotated[Path | None, shown("FILE|FOLDER")] = None
    image_size: Annotated[tuple[int, int] | None, shown("W H")] = None
    drop_outside: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class CameraOptions:
    """The camera, where it is known.

    Attributes:
        focal_length: in pixels; by default what the file says, or what the profile assumes, most often the picture's diagonal. A wrong one
            moves people nearer or farther more than it changes their pose.
        camera_center: principal point in pixels; by default what the file says, or the middle of the picture.
        search_focal_length: try a few focal lengths and keep the one that explains the keypoints best.
    """

    focal_length: Annotated[float | None, shown("PX")] = None
    camera_center: Annotated[tuple[float, float] | None, shown("X Y")] = None
    search_focal_length: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class BodyOptions:
    """What is fitted, and how.

    Attributes:
        body: an SMPL, SMPL-H or SMPL-X file (.pkl or .npz), or a folder of models as the package smplx has it; by
            default the open body that comes with the program.
        gender: neutral, female or male: which file of a model folder.
        capsules: capsules of the body in --body, an .npz as `python -m smplify_jax.learn.capsules` writes it: parts are kept
            apart only where a body has some, as the open body does.
        prior: pose prior: gmm_08.pkl, or an .npz with means, covars and weights; by default the one that comes with the
            program.
        profile: the recipe: "default"; or a published one: "smplify2016" or "spin"; or "plain".
        num_betas: how many shape coefficients are fitted.
        num_starts: how many directions a person may face at the start; by default what the profile says. More find the
            right side of unclear people more often, and take longer.
    """

    body: Annotated[Path | None, shown("FILE|FOLDER")] = None
    gender: Annotated[str | None, shown("NAME")] = None
    capsules: Annotated[Path | None, shown("FILE")] = None
    prior: Annotated[Path | None, shown("FILE")] = None
    profile: Annotated[str, tyro.conf.arg(metavar="NAME")] = "default"
    num_betas: Annotated[int, tyro.conf.arg(metavar="N")] = 10
    num_starts: Annotated[int | None, shown("N")] = None


@dataclass(frozen=True)
class WriteOptions:
    """What is written.

    Attributes:
        out: folder for the results; made if it is not there. Results of the same name are replaced.
        min_quality: write no files for people whose quality is lower, or not known; the summary lists them.
        max_error: write no files for people whose keypoints are missed by more percent of their height, in the median.
        obj: write the meshes.
        overlay: write the pictures of the bodies; transparent without --image.
        cache: keep compiled programs in the user's cache folder, so that the next run starts seconds sooner.
    """

    out: Annotated[Path | None, shown("FOLDER")] = None
    min_quality: Annotated[float | None, shown("0-1")] = None
    max_error: Annotated[float | None, shown("PERCENT")] = None
    obj: bool = True
    overlay: bool = True
    cache: bool = True


@dataclass(frozen=True)
class FitCommand:
    """One run of `smplify-fit`.

    Attributes:
        inputs: keypoint files, or folders of them.
        example: fit the picture that comes with the program, and print how close the fit comes to the truth.
        read: how inputs are read.
        camera: the camera, where it is known.
        body: what is fitted, and how.
        write: what is written.
    """

    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], shown("INPUT...")] = ()
    example: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    write: WriteOptions = field(default_factory=WriteOptions)
    read: ReadOptions = field(default_factory=ReadOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    body: BodyOptions = field(default_factory=BodyOptions)

"""What `smplify-fit-dataset` can be told: frozen dataclasses whose docstrings are the help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smplify_jax.cli.options import BodyOptions, CameraOptions, FormatOption, shown
from smplify_jax.cli.program import Program

DESCRIPTION = """Fit the SMPL body to everybody in a data set, and write the fits to Parquet files that trainers can read or export.

The folder --out gets parquet/part-*.parquet (a row a person), rejected.jsonl (records that cannot be used, and why), report.html and
report.json. Killed at any moment, it goes on with --resume. Reads the formats of many detectors and data sets (--format lists them).

Fits that are there are exported, in other formats or with other settings, by `smplify-fit-dataset export FOLDER --to NAME`; an input that
is really called export is ./export.

Exit status: 0 if every record was fitted or has too few keypoints, 1 if some were rejected, pictures for an export were missing or the job
stopped, 2 for wrong options.

Examples:
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin --resume
  smplify-fit-dataset openpose_output/ --out fits --images frames/ --shard 3/16
  smplify-fit-dataset export fits --to spin --box-factor 1.2 --images train2017/ --min-quality 0.5
"""

EXPORT_DESCRIPTION = """Export fits that `smplify-fit-dataset` has made, without fitting anything anew.

Formats: spin (NAME.npz and NAME_fits.npy), 4dhumans (tar files with the pictures), amass, smpl and people (a file a person). Files of an
earlier export in the same folder are replaced.

Exit status: 0 if everybody was exported but those that --min-quality and --max-error leave out, 1 if pictures were missing or nothing could
be exported, 2 for wrong options.

Examples:
  smplify-fit-dataset export fits --to spin
  smplify-fit-dataset export fits --to spin --box-factor 1.2 --images train2017/ --min-quality 0.5 --out spin_data
  smplify-fit-dataset export fits --to 4dhumans --images train2017/ --dataset coco
"""


@dataclass(frozen=True)
class DatasetReadOptions:
    """How the input is read.

    Attributes:
        layout: order of the keypoints, if the files do not say it or say it wrong.
        images: folder with the pictures, to look up sizes that the files do not say, and for exports: 4dhumans holds the pictures, and spin
            names them; people whose picture is not there are left out of both.
        image_size: width and height of pictures whose size is said nowhere else.
        guess_cameras: fit people whose picture's size is not known, too, in a camera guessed from their keypoints; without it they are
            rejected.
    """

    format: FormatOption = None
    layout: Annotated[str | None, shown("NAME")] = None
    images: Annotated[Path | None, shown("FOLDER")] = None
    image_size: Annotated[tuple[int, int] | None, shown("W H")] = None
    guess_cameras: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class JobOptions:
    """How the work is done.

    Attributes:
        resume: go on with the job that was begun in --out, with the same options.
        accept_version: go on also if another release of the program began it. Fits may differ; each file of fits says its release.
        shard: do the i-th of n parts of the job, i from 0 on; all parts may write to one folder, at the same time or not.
        batch_size: people that go to one file. A worker of the engine ray fits them in one go, and a GPU wants 1024 or 16384 then, the
            sizes that fits are filled up to there.
        engine: local is this process; ray is the cluster at RAY_ADDRESS, or one on this machine.
        workers: of the engine ray; by default one per GPU, or per --threads cores.
        threads: of each such worker.
        cache: keep compiled programs in the user's cache folder, so that the next run starts seconds sooner.
    """

    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    accept_version: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    shard: Annotated[str | None, shown("I/N")] = None
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 256
    engine: Literal["local", "ray"] = "local"
    workers: Annotated[int | None, shown("N")] = None
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    cache: bool = True


@dataclass(frozen=True)
class DatasetWriteOptions:
    """What is written.

    Attributes:
        out: folder for the results.
        export: other formats to write when all is fitted, to OUT/NAME: spin, 4dhumans, amass, smpl, people.
    """

    out: Annotated[Path | None, shown("FOLDER")] = None
    export: Annotated[tuple[str, ...], shown("NAME...")] = ()


@dataclass(frozen=True)
class ExportChoices:
    """How exports are written.

    Attributes:
        dataset: what to call the data set in file names.
        box_factor: how much larger than the input's boxes the crops are; by default 1.2, as SPIN has it, for tight boxes such as COCO's and
            around the keypoints of who has no box, and 1 for boxes with a margin, such as SPIN's own.
        min_quality: leave out people whose fit is less likely to be good, from 0 to 1, and people without a fit.
        max_error: leave out people whose keypoints are missed by more, in percent of their height, and people without a fit.
        frame_rate: what formats of motion say; a person in a single picture has none.
        open_body_as_smpl: let loaders take the open body's betas for SMPL's, whose bodies have other shapes for the same numbers. Without
            it, has_smpl and has_betas are 0 for fits of the open body, and betas are left out where nothing can say whose they are.
        pictures_anywhere: export also pictures whose names in the data set, or links, lead out of the folder --images.
    """

    dataset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "fits"
    box_factor: Annotated[float | None, shown("X")] = None
    min_quality: Annotated[float | None, shown("Q")] = None
    max_error: Annotated[float | None, shown("PERCENT")] = None
    frame_rate: Annotated[float, tyro.conf.arg(metavar="HZ")] = 30.0
    open_body_as_smpl: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    pictures_anywhere: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class ExportCommand:
    """One run of `smplify-fit-dataset export`.

    Attributes:
        folder: the folder --out of a job, or files of fits.
        to: what to write: spin, 4dhumans, amass, smpl or people.
        out: folder for the files; by default FOLDER/NAME, where --export writes, too.
        images: folder that the pictures' names are relative to.
        exports: how exports are written.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")]
    to: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
    out: Annotated[Path | None, shown("FOLDER")] = None
    images: Annotated[Path | None, shown("FOLDER")] = None
    exports: ExportChoices = field(default_factory=ExportChoices)


@dataclass(frozen=True)
class DatasetCommand:
    """One run of `smplify-fit-dataset`.

    Attributes:
        input: a file, or a folder of files.
        write: what is written.
        exports: how exports are written.
        job: how the work is done.
        read: how the input is read.
        camera: the camera, of pictures whose camera the data set does not give.
        body: what is fitted, and how.
    """

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT", help_behavior_hint="")]
    write: DatasetWriteOptions = field(default_factory=DatasetWriteOptions)
    exports: ExportChoices = field(default_factory=ExportChoices)
    job: JobOptions = field(default_factory=JobOptions)
    read: DatasetReadOptions = field(default_factory=DatasetReadOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    body: BodyOptions = field(default_factory=BodyOptions)


DATASET = Program(
    "smplify-fit-dataset",
    DESCRIPTION,
    DatasetCommand,
    "stopped; go on with --resume, only what was being fitted is fitted anew.",
)

EXPORT = Program(
    f"{DATASET.name} export",
    EXPORT_DESCRIPTION,
    ExportCommand,
    "stopped; files written so far are complete.",
)

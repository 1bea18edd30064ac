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

Exit status: 0 if every record was fitted or has too few keypoints, 1 if some were rejected or the job stopped, 2 for wrong options.

Examples:
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin --resume
  smplify-fit-dataset openpose_output/ --out fits --images frames/ --shard 3/16
"""


@dataclass(frozen=True)
class DatasetReadOptions:
    """How the input is read.

    Attributes:
        layout: order of the keypoints, if the files do not say it or say it wrong.
        images: folder with the pictures, to look up sizes that the files do not say, and for the export 4dhumans.
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
        shard: do the i-th of n parts of the job, i from 0 on; all parts may write to one folder, at the same time or not.
        batch_size: people that go to one file. A worker of the engine ray fits them in one go, and a GPU wants 1024 or 16384 then, the
            sizes that fits are filled up to there.
        engine: local is this process; ray is the cluster at RAY_ADDRESS, or one on this machine.
        workers: of the engine ray; by default one per GPU, or per --threads cores.
        threads: of each such worker.
        cache: keep compiled programs in the user's cache folder, so that the next run starts seconds sooner.
    """

    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
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
        dataset: what to call the data set in the file names of exports.
        box_factor: how much larger than the input's boxes the crops of exports are: 1 for boxes with a margin, as SPIN's, 1.2 for tight
            ones, as COCO's.
    """

    out: Annotated[Path | None, shown("FOLDER")] = None
    export: Annotated[tuple[str, ...], shown("NAME...")] = ()
    dataset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "fits"
    box_factor: Annotated[float, tyro.conf.arg(metavar="X")] = 1.0


@dataclass(frozen=True)
class DatasetCommand:
    """One run of `smplify-fit-dataset`.

    Attributes:
        input: a file, or a folder of files.
        write: what is written.
        job: how the work is done.
        read: how the input is read.
        camera: the camera, of pictures whose camera the data set does not give.
        body: what is fitted, and how.
    """

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT", help_behavior_hint="")]
    write: DatasetWriteOptions = field(default_factory=DatasetWriteOptions)
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

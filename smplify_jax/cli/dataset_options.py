"""Options of `smplify-fit-dataset`: frozen dataclasses whose docstrings are the help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smplify_jax.cli.program import Program
from smplify_jax.cli.shared_options import (
    BodyOptions,
    CameraOptions,
    FormatOption,
    KnownOptions,
    ReadLimitOption,
    TrackLimits,
    shown,
)

DESCRIPTION = """Fit the SMPL body to everybody in a data set, and write the fits to Parquet files that trainers can read or export.

The folder --out gets parquet/part-*.parquet (one row per person), rejected.jsonl (records that cannot be used, and why), report.html and
report.json. With --track, each person is fitted through all frames of a video, one row per frame. A job that was killed continues with
--resume. Reads the formats of many detectors and data sets (--format lists them).

To export existing fits in other formats or with other settings, use `smplify-fit-dataset export FOLDER --to NAME`. If the input itself is
called export, write ./export.

Exit status: 0 if every record was fitted or has too few keypoints, 1 if some were rejected, pictures for an export were missing or the job
stopped, 2 for wrong options.

Examples:
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin
  smplify-fit-dataset person_keypoints_train2017.json --out fits --export spin --resume
  smplify-fit-dataset openpose_output/ --out fits --images frames/ --shard 3/16
  smplify-fit-dataset posetrack/ --track --fps 25 --out motions --export amass
  smplify-fit-dataset export fits --to spin --box-factor 1.2 --images train2017/ --min-quality 0.5
"""

EXPORT_DESCRIPTION = """Export existing fits of `smplify-fit-dataset`, without fitting again.

Formats: spin (NAME.npz and NAME_fits.npy), 4dhumans (tar files with the pictures), and amass, smpl and people (one file per person, or per
track). Files of an earlier export in the same folder are replaced.

Exit status: 0 if everybody was exported except those that --min-quality and --max-error leave out, 1 if pictures were missing or nothing
could be exported, 2 for wrong options.

Examples:
  smplify-fit-dataset export fits --to spin
  smplify-fit-dataset export fits --to spin --box-factor 1.2 --images train2017/ --min-quality 0.5 --out spin_data
  smplify-fit-dataset export fits --to 4dhumans --images train2017/ --dataset coco
"""


@dataclass(frozen=True)
class DatasetReadOptions:
    """How the input is read.

    Attributes:
        layout: order of the keypoints, if the files do not state it or state it wrongly.
        images: folder with the pictures. Sizes that the files do not state are looked up there. The exports 4dhumans, which contains the
            pictures, and spin, which names them, leave out people whose picture is missing.
        image_size: width and height of pictures whose size is stated nowhere else.
        guess_cameras: also fit people whose picture size is not known, with a camera guessed from their keypoints; otherwise they are
            rejected.
    """

    format: FormatOption = None
    layout: Annotated[str | None, shown("NAME")] = None
    images: Annotated[Path | None, shown("FOLDER")] = None
    image_size: Annotated[tuple[int, int] | None, shown("W H")] = None
    guess_cameras: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    read_limit: ReadLimitOption = 1


@dataclass(frozen=True)
class DatasetTrackOptions(TrackLimits):
    """People in videos.

    Attributes:
        track: the input holds keypoints in the frames of videos, one video per folder of frames or per file of several: fit each person
            through all frames, with one shape and a smooth motion.
    """

    track: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class JobOptions:
    """How the job runs.

    Attributes:
        resume: continue the job that was started in --out, with the same options.
        accept_version: continue also if another release of the program started it. Fits may differ; each file of fits names its release.
        shard: do part I of N of the job, with I from 0 to N - 1; all parts may write to the same folder, also at the same time.
        batch_size: number of people per file; with --track of frames, but a track is never divided. A worker of the engine ray fits them as
            one batch; use 1024 or 16384 on a GPU, the sizes that batches are padded to there.
        engine: local runs in this process; ray uses the cluster at RAY_ADDRESS, or starts one on this machine.
        workers: number of workers of the engine ray; by default one per GPU, or one per --threads cores.
        threads: number of threads of each worker of the engine ray.
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
        export: other formats to write to OUT/NAME when everybody is fitted: spin, 4dhumans, amass, smpl, people.
    """

    out: Annotated[Path | None, shown("FOLDER")] = None
    export: Annotated[tuple[str, ...], shown("NAME...")] = ()


@dataclass(frozen=True)
class ExportChoices:
    """How exports are written.

    Attributes:
        dataset: name of the data set in file names.
        box_factor: size of the crops relative to the input's boxes. The default is 1.2, as in SPIN, for tight boxes such as COCO's and for
            boxes around the keypoints of people without one, and 1 for boxes with a margin, such as SPIN's own.
        min_quality: leave out people whose probability of a good fit, from 0 to 1, is lower, and people without a fit.
        max_error: leave out people whose median keypoint error, in percent of their height, is higher, and people without a fit.
        frame_rate: frames per second written to motion formats; a person in a single picture has none, and a track has its own.
        open_body_as_smpl: let loaders use the open body's betas as SMPL's, although the same numbers give other shapes in SMPL. Otherwise,
            has_smpl and has_betas are 0 for fits of the open body, and formats that cannot mark the betas leave them out.
        pictures_anywhere: use also pictures whose names, or links, lead out of the folder --images.
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
        folder: the --out folder of a job, or a file or folder of fits.
        to: format to write: spin, 4dhumans, amass, smpl or people.
        out: folder for the files; by default FOLDER/NAME, the same as for --export.
        images: folder that the pictures' names are relative to.
        exports: how exports are written.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")]
    to: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
    out: Annotated[Path | None, shown("FOLDER")] = None
    images: Annotated[Path | None, shown("FOLDER")] = None
    read_limit: ReadLimitOption = 1
    exports: ExportChoices = field(default_factory=ExportChoices)


@dataclass(frozen=True)
class DatasetCommand:
    """One run of `smplify-fit-dataset`.

    Attributes:
        input: a file, or a folder of files.
        write: what is written.
        exports: how exports are written.
        job: how the job runs.
        read: how the input is read.
        video: people in videos.
        camera: the camera of pictures for which the data set does not give one.
        body: what is fitted, and how.
        known: what is known of the people's measurements.
    """

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT", help_behavior_hint="")]
    write: DatasetWriteOptions = field(default_factory=DatasetWriteOptions)
    exports: ExportChoices = field(default_factory=ExportChoices)
    job: JobOptions = field(default_factory=JobOptions)
    read: DatasetReadOptions = field(default_factory=DatasetReadOptions)
    video: DatasetTrackOptions = field(default_factory=DatasetTrackOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    body: BodyOptions = field(default_factory=BodyOptions)
    known: KnownOptions = field(default_factory=KnownOptions)


DATASET = Program(
    "smplify-fit-dataset",
    DESCRIPTION,
    DatasetCommand,
    "stopped; continue with --resume: only the unfinished batches are fitted again.",
)

EXPORT = Program(
    f"{DATASET.name} export",
    EXPORT_DESCRIPTION,
    ExportCommand,
    "stopped; files written so far are complete.",
)

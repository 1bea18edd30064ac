"""Options of `smplify-fit`: frozen dataclasses whose docstrings are the help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from smplify_jax.cli.shared_options import (
    BodyOptions,
    CameraOptions,
    FormatOption,
    KnownOptions,
    ReadLimitOption,
    TrackLimits,
    shown,
)

DESCRIPTION = """Fit the SMPL body to people in pictures: to pictures themselves, or to 2D keypoints.

Writes NAME.npz (pose, shape, camera), NAME.obj (the mesh, y up) and NAME_overlay.png (the body over the picture) for
every person to the folder --out, and one summary.json for all. Reads the formats of many detectors and data sets
(--format lists them), and .npz with the arrays keypoints (B, K, 3) and layout. In pictures, and folders of nothing else,
a detector finds the people first: pip install "smplify-jax[detect]".

Records that cannot be used do not stop the others: the program prints a sentence for each, and the exit status is 1.

Examples:
  smplify-fit --example                                   try it on the picture that comes with the program
  smplify-fit photo.jpg --out fits
  smplify-fit photo_keypoints.json --image photo.jpg --out fits --report report.html
  smplify-fit openpose_output/ --image frames/ --focal-length 1150 --body models/smpl --gender female --out fits
  smplify-fit openpose_output/ --image frames/ --init vibe_output.pkl --out fits
  smplify-fit video.mp4 --out fits
  smplify-fit --track openpose_output/ --fps 25 --image-size 1920 1080 --out motions
  smplify-fit --cameras Calib.toml cam1/ cam2/ cam3/ --fps 60 --out motions
  smplify-fit --points triangulated.trc --out motions
"""

EXAMPLE_FOLDER = Path("smplify_example")


@dataclass(frozen=True)
class ReadOptions:
    """How inputs are read.

    Attributes:
        layout: order of the keypoints, if the file does not state it or states it wrongly: lsp14, coco17, coco23, openpose18,
            openpose25, openpose25b, halpe26, mpii16, h36m17, smpl24, spin49, mediapipe33, coco23_hands,
            openpose25_hands, halpe26_hands, kinect32, panoptic19 or mhr70.
        image: the picture of a single-picture input, or a folder with pictures named as in the keypoint files.
        image_size: width and height of the pictures, where neither the keypoint file nor --image gives them.
        pictures_anywhere: use also pictures whose names, or links, lead out of the folder --image.
        drop_outside: ignore keypoints outside the picture; by default they are used, because truncated people have them.
        detector: the program that finds people in inputs that are pictures or videos: mediapipe, rtmlib or ultralytics; by default the
            first that is installed.
        detector_model: the model of ultralytics: the file of one for poses, or the name of one of its own, such as yolo11x-pose.pt.
    """

    layout: Annotated[str | None, shown("NAME")] = None
    format: FormatOption = None
    image: Annotated[Path | None, shown("FILE|FOLDER")] = None
    image_size: Annotated[tuple[int, int] | None, shown("W H")] = None
    pictures_anywhere: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    drop_outside: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    detector: Annotated[str | None, shown("NAME")] = None
    detector_model: Annotated[str | None, shown("FILE")] = None
    read_limit: ReadLimitOption = 1


@dataclass(frozen=True)
class StartOptions:
    """Bodies to start from.

    Attributes:
        init: what a network predicted: the .pkl of VIBE, PARE, PyMAF, WHAM or 4D-Humans, or arrays of HMR, SPIN, HMR2 or CLIFF (.npz or
            .pkl). Predictions are matched to people by picture and place. Whoever has none starts as usual. With --cameras a folder with
            such a file for each camera, in the order of names.
        init_error: expected PA-MPJPE of the predictions in mm, or the network's name: hmr, spin, vibe or hmr2. The smaller, the closer fits
            stay to them.
        init_first_frame: number of a video's first frame in the names of its keypoint files; by default 1 if no frame has a smaller
            number, and otherwise 0.
    """

    init: Annotated[Path | None, shown("FILE")] = None
    init_error: Annotated[str | None, shown("MM|NAME")] = None
    init_first_frame: Annotated[int | None, shown("N")] = None

    @property
    def expected_error(self) -> str | float | None:
        """`init_error` as `fit` takes it: a number if it is one."""
        try:
            return None if self.init_error is None else float(self.init_error)
        except ValueError:
            return self.init_error


@dataclass(frozen=True)
class WriteOptions:
    """What is written.

    Attributes:
        out: folder for the results, created if necessary. Results with the same names are replaced.
        min_quality: write no files for people whose quality is lower or not known; the summary still lists them.
        max_error: write no files for people whose median keypoint error, in percent of their height, is higher.
        obj: write the meshes of people of one moment, NAME.obj.
        ply: write them as NAME.ply too; of motions in space, --points and --cameras, NAME_ply/FRAME.ply.
        glb: write NAME.glb, the mesh with skeleton and skin; videos and motions always get one, with keys over time.
        bvh: write NAME.bvh, the skeleton in metres and its motion.
        amass: write NAME_amass.npz, AMASS's arrays; videos and motions always get one.
        smpl: write NAME.smpl, an avatar for the package smplcodec.
        overlay: write the pictures with the bodies; transparent without --image.
        report: write one page for browsers, such as report.html, with the bodies in 3D over their pictures, errors and uncertainties. It is
            one file that needs no network.
        check: fit nothing, but write NAME_check.png, which shows the body point that each keypoint is taken for: a wrong layout is seen at
            once.
        cache: keep compiled programs in the user's cache folder, so that the next run starts seconds sooner.
    """

    out: Annotated[Path | None, shown("FOLDER")] = None
    min_quality: Annotated[float | None, shown("0-1")] = None
    max_error: Annotated[float | None, shown("PERCENT")] = None
    obj: bool = True
    ply: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    glb: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    bvh: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    amass: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    smpl: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    overlay: bool = True
    report: Annotated[Path | None, shown("FILE")] = None
    check: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    cache: bool = True


@dataclass(frozen=True)
class MeasureOptions(KnownOptions):
    """Measurements of people.

    Attributes:
        measurements: write stature, girths, lengths and mass of everybody in pictures to measurements.csv and measurements.json, in metres
            and kilograms and with 90 % intervals.
    """

    measurements: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class TrackOptions(TrackLimits):
    """People in videos.

    Attributes:
        track: the inputs are keypoints in the frames of videos: fit each person through all frames, with one shape and a smooth motion.
            Writes NAME.npz, the animated mesh NAME.glb and, for Blender and loaders of motion data, NAME_amass.npz for every person.
        overlays: write a picture of every frame, of every camera, with the bodies over it, to OUT/overlays.
    """

    track: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    overlays: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class ViewOptions:
    """People seen by several cameras.

    Attributes:
        cameras: the calibration of several cameras, of Qualisys, Pose2Sim, Anipose, EasyMocap, OpenCV or CMU Panoptic; the inputs are then
            a keypoint file or folder for each camera, in its order, or one folder that holds them. Fits each person to all of them.
        unit: of the calibration, or of the points of --points: m, cm, mm or inch; by default that of the file or its format.
    """

    cameras: Annotated[Path | None, shown("FILE|FOLDER")] = None
    unit: Annotated[str | None, shown("NAME")] = None


@dataclass(frozen=True)
class PointOptions:
    """Points in space.

    Attributes:
        points: the inputs are points in space: .trc, .npz or .npy, EasyMocap's keypoints3d, CMU Panoptic's body3DScene, or a folder of such
            JSON. Writes NAME.npz for everybody, NAME.obj for people of one moment, and for motions the animated mesh NAME.glb and
            NAME_amass.npz. An array of frames whose rate the file does not say is one of people, unless --track is given.
        up: the axis that points up: x, y, z, -x, -y or -z; by default what file or format say, else the one along which heads are above
            feet. Results have z up.
        free_scale: the size of the points means nothing; the body's size then follows from its shape.
        surface: the points are vertices of a mesh, and this .npz, JSON or CSV says which points of the body's surface they correspond to.
    """

    points: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    up: Annotated[str | None, shown("AXIS")] = None
    free_scale: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    surface: Annotated[Path | None, shown("FILE")] = None


@dataclass(frozen=True)
class FitCommand:
    """One run of `smplify-fit`.

    Attributes:
        inputs: pictures, videos or keypoint files, or folders of pictures or keypoint files.
        example: fit the picture that comes with the program, and print the errors of the fit.
        example_video: render a short video of a body that moves, fit it, and print the errors of the fit.
        read: how inputs are read.
        camera: the camera, where it is known.
        body: what is fitted, and how.
        start: bodies to start from.
        write: what is written.
        measure: measurements of people.
        video: people in videos.
        views: people seen by several cameras.
        space: points in space.
    """

    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], shown("INPUT...")] = ()
    example: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    example_video: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    write: WriteOptions = field(default_factory=WriteOptions)
    read: ReadOptions = field(default_factory=ReadOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    body: BodyOptions = field(default_factory=BodyOptions)
    start: StartOptions = field(default_factory=StartOptions)
    measure: MeasureOptions = field(default_factory=MeasureOptions)
    video: TrackOptions = field(default_factory=TrackOptions)
    views: ViewOptions = field(default_factory=ViewOptions)
    space: PointOptions = field(default_factory=PointOptions)

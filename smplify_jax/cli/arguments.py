"""Check the command-line options of `smplify-fit`."""

from __future__ import annotations

from smplify_jax.cli.options import DESCRIPTION, FitCommand, StartOptions, WriteOptions
from smplify_jax.cli.program import Program, UsageError, wrong_usage
from smplify_jax.cli.shared_options import BodyOptions, CameraOptions, TrackLimits, read_within
from smplify_jax.detectors.registry import check_detector
from smplify_jax.files.kinds import VIDEO_SUFFIXES
from smplify_jax.keypoints.formats.registry import check_format

_AXES = ("x", "y", "z", "-x", "-y", "-z")

FIT = Program(
    "smplify-fit",
    DESCRIPTION,
    FitCommand,
    "stopped; results written so far are complete: run the command again for the rest.",
)


def check_command(command: FitCommand) -> None:
    """Check what can be checked without opening a file.

    Raises:
        UsageError: there is nothing to do, no folder to write to, or a name or number that no run could use.
    """
    if not command.inputs and not command.example and not command.example_video:
        raise UsageError(
            f"Give pictures, videos or keypoint files to fit, or --example to see a fit; see {FIT.name} --help."
        )
    if command.inputs and (command.example or command.example_video):
        raise UsageError("--example fits its own input: leave out either the files or --example.")
    if command.example and command.example_video:
        raise UsageError("--example is a picture and --example-video a video: leave out one of them.")
    if command.write.out is None and not command.example and not command.example_video:
        raise UsageError("Choose a folder for the results, with --out FOLDER.")
    with wrong_usage():
        check_format(command.read.format)
        check_detector(command.read.detector, command.read.detector_model)
    read_within(command.read.read_limit)
    check_image_size(command.read.image_size)
    check_camera(command.camera)
    check_body(command.body)
    check_start(command)
    check_layout(command.read.layout)
    check_limits(command.write)
    check_report(command.write)
    check_check(command)
    check_points(command)
    check_views(command)
    check_tracks(command)


def is_of_videos(command: FitCommand) -> bool:
    """Whether the inputs are videos, by their names."""
    is_video = [path.suffix.lower() in VIDEO_SUFFIXES for path in command.inputs]
    return any(is_video) and command.read.format is None


def check_points(command: FitCommand) -> None:
    """Raise UsageError for options of points in space without such points, and for options that these do not have."""
    space, usual = command.space, FitCommand()
    if not space.points:
        if space != usual.space:
            raise UsageError("--up, --free-scale and --surface are for points in space: add --points.")
        return
    if space.up is not None and space.up not in _AXES:
        raise UsageError(f"--up must be one of {', '.join(_AXES)}.")
    if command.example or command.example_video:
        raise UsageError("--points needs files of points: leave out the example.")
    if space.surface is not None and command.read.layout is not None:
        raise UsageError("--surface says which points these are: leave out --layout.")
    of_pictures = {
        "--cameras": command.views.cameras is not None,
        "--image": command.read.image is not None,
        "--image-size": command.read.image_size is not None,
        "--drop-outside": command.read.drop_outside,
        "--detector": command.read.detector is not None,
        "--detector-model": command.read.detector_model is not None,
        "--format": command.read.format is not None,
        "--overlays": command.video.overlays,
        "--min-frames": command.video.min_frames != usual.video.min_frames,
        "--focal-length, --camera-center or --search-focal-length": command.camera != usual.camera,
    }
    given = [name for name, is_given in of_pictures.items() if is_given]
    if given:
        raise UsageError(f"{given[0]} is not for points in space: leave it out.")


def check_views(command: FitCommand) -> None:
    """Raise UsageError for options of cameras without cameras, and for options that several cameras do not have."""
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.camera.calibration import METRES

    views = command.views
    if views.unit is not None and views.unit not in METRES:
        raise UsageError(f"--unit must be one of {', '.join(METRES)}.")
    if views.cameras is None:
        if views.unit is not None and not command.space.points:
            raise UsageError("--unit is of a calibration or of points in space: add --cameras or --points.")
        return
    if command.video.track:
        raise UsageError("--cameras follows people through the frames by itself: leave out --track.")
    if command.camera != CameraOptions():
        raise UsageError(
            "--focal-length, --camera-center and --search-focal-length are for a camera that no calibration describes."
        )


def check_tracks(command: FitCommand) -> None:
    """Raise UsageError for options of tracks without tracks, for options that tracks do not have, and for numbers out of range."""
    video, usual = command.video, FitCommand()
    is_video = (is_of_videos(command) or command.example_video) and not command.space.points
    chosen = "--points" if command.space.points else "--track" if video.track else "--cameras"
    if not video.track and not is_video and command.views.cameras is None and not command.space.points:
        if video != usual.video:
            raise UsageError("--fps, --max-gap, --min-frames and --overlays are for videos: add --track.")
        return
    if command.example:
        raise UsageError(f"--example is a picture: leave out {chosen}.")
    check_track_limits(video)
    check_nothing_is_of_pictures(
        {
            **options_of_pictures(command.body, command.camera),
            "--measurements": command.measure.measurements,
            "--min-quality": command.write.min_quality is not None,
            "--max-error": command.write.max_error is not None,
            "--ply": command.write.ply and not command.space.points and command.views.cameras is None,
        },
        "leave it out" if is_video else f"leave it out, or leave out {chosen}",
    )
    if is_video:
        _check_video_files(command)


def check_track_limits(limits: TrackLimits) -> None:
    """Raise UsageError for numbers out of range."""
    if not 0 < limits.fps < float("inf"):
        raise UsageError("--fps must be a positive number of frames per second.")
    if not 0 <= limits.max_gap < float("inf"):
        raise UsageError("--max-gap must be a number of seconds, 0 or more.")
    if limits.min_frames < 1:
        raise UsageError("--min-frames must be at least 1.")


def options_of_pictures(body: BodyOptions, camera: CameraOptions) -> dict[str, bool]:
    """The options that tracks do not have, and whether they are given."""
    return {
        "--profile": body.profile != BodyOptions().profile,
        "--num-starts": body.num_starts is not None,
        "--search-focal-length": camera.search_focal_length,
    }


def check_nothing_is_of_pictures(options: dict[str, bool], advice: str) -> None:
    """Raise UsageError for the first of these options that is given."""
    given = next((name for name, is_given in options.items() if is_given), None)
    if given:
        raise UsageError(f"{given} is for fits of single pictures: {advice}.")


def _check_video_files(command: FitCommand) -> None:
    """Raise UsageError for keypoint files among videos, and for options that videos answer themselves."""
    others = [path for path in command.inputs if path.suffix.lower() not in VIDEO_SUFFIXES]
    if others:
        raise UsageError(f"{others[0]} is no video, and the other inputs are: fit them in another run.")
    video, read, usual = command.video, command.read, FitCommand()
    of_keypoint_files = {
        "--cameras": command.views.cameras is not None,
        "--fps": video.fps != usual.video.fps,
        "--overlays": video.overlays,
        "--layout": read.layout is not None,
        "--image": read.image is not None,
        "--image-size": read.image_size is not None,
        "--drop-outside": read.drop_outside,
    }
    given = [name for name, is_given in of_keypoint_files.items() if is_given]
    if given:
        raise UsageError(f"{given[0]} is for keypoint files: leave it out, the video itself tells.")


def check_image_size(size: tuple[int, int] | None) -> None:
    """Raise UsageError for an impossible picture size."""
    if size is not None and min(size) <= 0:
        raise UsageError("--image-size must be two positive numbers of pixels, width and height.")


def check_camera(camera: CameraOptions) -> None:
    """Raise UsageError for an impossible camera."""
    if camera.focal_length is not None and not camera.focal_length > 0:
        raise UsageError("--focal-length must be a positive number of pixels.")


def check_limits(write: WriteOptions) -> None:
    """Raise UsageError for limits out of range."""
    if write.min_quality is not None and not 0 <= write.min_quality <= 1:
        raise UsageError("--min-quality must be a probability, from 0 to 1.")
    if write.max_error is not None and not write.max_error > 0:
        raise UsageError("--max-error must be a positive percentage of the person's height.")


def check_report(write: WriteOptions) -> None:
    """Raise UsageError for a page with the name of another kind of file: it may be an input, which the page would replace."""
    if write.report is not None and write.report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report is {write.report}: give the page a name that ends in .html, such as report.html.")


def check_check(command: FitCommand) -> None:
    """Raise UsageError for --check of inputs that it does not draw."""
    if not command.write.check:
        return
    if (
        command.example
        or command.example_video
        or is_of_videos(command)
        or command.space.points
        or command.views.cameras
    ):
        raise UsageError(
            "--check draws pictures and keypoint files: give these, and neither videos, --cameras, --points nor an example."
        )
    if command.write.report is not None:
        raise UsageError("--check fits nothing, so there is no page to write: leave out --report.")


def check_body(body: BodyOptions) -> None:
    """Raise UsageError for numbers of betas or starts below 1."""
    if body.num_betas < 1:
        raise UsageError("--num-betas must be at least 1.")
    if body.num_starts is not None and body.num_starts < 1:
        raise UsageError("--num-starts must be at least 1.")


def check_start(command: FitCommand) -> None:
    """Raise UsageError for options of bodies to start from that have no meaning together."""
    start = command.start
    if start.init is None and start != StartOptions():
        raise UsageError("--init-error and --init-first-frame are of predictions: add --init FILE.")
    _check_init_error(start.init_error)
    if command.start.init is not None and command.body.num_starts is not None:
        raise UsageError("--init says where fits start: leave out --num-starts.")
    if command.start.init is not None and (command.example or command.example_video):
        raise UsageError("--example fits its own input: leave out --init.")
    if command.start.init is not None and command.space.points:
        raise UsageError(
            "--init is in the frame of a camera, and --points has none: leave it out, or turn the predictions into the frame of the points "
            "and give them to fit_points(init=...)."
        )


def _check_init_error(error: str | None) -> None:
    """Raise UsageError for what is neither a known network nor a positive number."""
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.fitting.init_errors import NETWORK_ERRORS_MM

    if error is None or error in NETWORK_ERRORS_MM:
        return
    try:
        is_usable = float(error) > 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(
            f"--init-error must be a positive number of millimetres, or one of {', '.join(NETWORK_ERRORS_MM)}."
        )


def check_layout(name: str | None) -> None:
    """Raise UsageError for an unknown layout."""
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.keypoints.layouts import get_layout

    if name is not None:
        with wrong_usage():
            get_layout(name)

"""Check the command-line options of `smplify-fit`."""

from __future__ import annotations

from smplify_jax.cli.options import DESCRIPTION, BodyOptions, CameraOptions, FitCommand, WriteOptions, read_within
from smplify_jax.cli.program import Program, UsageError, wrong_usage
from smplify_jax.detectors.registry import check_detector
from smplify_jax.files.kinds import VIDEO_SUFFIXES
from smplify_jax.keypoints.formats.registry import check_format

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
        check_detector(command.read.detector)
    read_within(command.read.read_limit)
    check_image_size(command.read.image_size)
    check_camera(command.camera)
    check_body(command.body)
    check_layout(command.read.layout)
    check_limits(command.write)
    check_views(command)
    check_tracks(command)


def is_of_videos(command: FitCommand) -> bool:
    """Whether the inputs are videos, by their names."""
    is_video = [path.suffix.lower() in VIDEO_SUFFIXES for path in command.inputs]
    return any(is_video) and command.read.format is None


def check_views(command: FitCommand) -> None:
    """Raise UsageError for options of cameras without cameras, and for options that several cameras do not have."""
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.camera.calibration import METRES

    views = command.views
    if views.unit is not None and views.unit not in METRES:
        raise UsageError(f"--unit must be one of {', '.join(METRES)}.")
    if views.cameras is None:
        if views.unit is not None:
            raise UsageError("--unit is of a calibration: add --cameras.")
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
    is_video = is_of_videos(command) or command.example_video
    chosen = "--track" if video.track else "--cameras"
    if not video.track and not is_video and command.views.cameras is None:
        if video != usual.video:
            raise UsageError("--fps, --max-gap, --min-frames and --overlays are for videos: add --track.")
        return
    if command.example:
        raise UsageError(f"--example is a picture: leave out {chosen}.")
    if not 0 < video.fps < float("inf"):
        raise UsageError("--fps must be a positive number of frames per second.")
    if not 0 <= video.max_gap < float("inf"):
        raise UsageError("--max-gap must be a number of seconds, 0 or more.")
    if video.min_frames < 1:
        raise UsageError("--min-frames must be at least 1.")
    of_pictures = {
        "--profile": command.body.profile != usual.body.profile,
        "--num-starts": command.body.num_starts is not None,
        "--search-focal-length": command.camera.search_focal_length,
        "--min-quality": command.write.min_quality is not None,
        "--max-error": command.write.max_error is not None,
    }
    given = [name for name, is_given in of_pictures.items() if is_given]
    if given:
        leave_out = "leave it out" if is_video else f"leave it out, or leave out {chosen}"
        raise UsageError(f"{given[0]} is for fits of single pictures: {leave_out}.")
    if is_video:
        _check_video_files(command)


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


def check_body(body: BodyOptions) -> None:
    """Raise UsageError for numbers of betas or starts below 1."""
    if body.num_betas < 1:
        raise UsageError("--num-betas must be at least 1.")
    if body.num_starts is not None and body.num_starts < 1:
        raise UsageError("--num-starts must be at least 1.")


def check_layout(name: str | None) -> None:
    """Raise UsageError for an unknown layout."""
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.keypoints.layouts import get_layout

    if name is not None:
        with wrong_usage():
            get_layout(name)

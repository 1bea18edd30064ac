"""`smplify-fit`: fit bodies to keypoint files. See `smplify-fit --help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from smplify_jax.cli.arguments import FIT, check_command, is_of_videos
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.cli.shared_options import read_within

if TYPE_CHECKING:
    from smplify_jax.cli.inputs import FoundInputs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line; by default that of this process.
    Returns:
        Exit status: 0; 1 if something in the inputs could not be used, nobody could be fitted, or an export could not be written; 2 for
        wrong options.
    """
    return FIT.run(arguments, _run)


def _run(command: FitCommand) -> int:
    check_command(command)
    # Imported late: these imports take a second, which --help and wrong options should not wait for.
    if command.write.check:
        from smplify_jax.cli.check_command import check_keypoints

        with read_within(command.read.read_limit):
            return check_keypoints(command)
    if command.example:
        from smplify_jax.cli.example import run_example

        return run_example(command)
    if command.example_video:
        from smplify_jax.cli.example_video import run_example_video

        return run_example_video(command)
    if command.space.points:
        from smplify_jax.cli.points_command import points_command

        with read_within(command.read.read_limit):
            return points_command(command)
    if is_of_videos(command):
        from smplify_jax.cli.video_command import video_command

        with read_within(command.read.read_limit):
            return video_command(command)
    if command.video.track or command.views.cameras is not None:
        if command.video.track:
            from smplify_jax.cli.track_command import track_command as fit_all
        else:
            from smplify_jax.cli.views_command import views_command as fit_all

        with read_within(command.read.read_limit):
            tracks, found = fit_all(command)
        return _status(any(track.has_body for track in tracks), any(track.unwritten for track in tracks), found)
    from smplify_jax.cli.fit_command import fit_command

    with read_within(command.read.read_limit):
        reports, found = fit_command(command)
    is_anybody_fitted = any(report.status.is_usable for report in reports)
    return _status(is_anybody_fitted, any(report.unwritten for report in reports), found)


def _status(is_anybody_fitted: bool, is_export_missing: bool, found: FoundInputs) -> int:
    is_complete = not (is_export_missing or found.unread or found.rejected)
    return OK if is_anybody_fitted and is_complete else FAILED


if __name__ == "__main__":
    sys.exit(main())

"""`smplify-view`: show saved results in a browser. See `smplify-view --help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from smplify_jax.cli.program import OK
from smplify_jax.cli.shared_options import read_within
from smplify_jax.cli.view_options import VIEW, ViewCommand, check_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command until the user ends it.

    Args:
        arguments: the command line; by default that of this process.
    Returns:
        Exit status: 130 if the user ends it; 1 if a result cannot be shown; 2 for wrong options.
    """
    return VIEW.run(arguments, _run)


def _run(command: ViewCommand) -> int:
    check_command(command)
    # Imported late: these imports take a second, which --help and wrong options should not wait for.
    from smplify_jax.cli.view_command import opened_viewer

    with read_within(command.read_limit):
        viewer = opened_viewer(command)
    with viewer:
        count = len(viewer.people)
        VIEW.tell([f"{viewer.url} shows {count} {'person' if count == 1 else 'people'}; Ctrl-C ends it."])
        sys.stdout.flush()
        viewer.server.sleep_forever()
    return OK


if __name__ == "__main__":
    sys.exit(main())

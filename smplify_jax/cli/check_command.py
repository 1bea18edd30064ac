"""The work of `smplify-fit --check`: draw what each keypoint is taken for, and fit nothing."""

from __future__ import annotations

from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import complain_of, with_progress
from smplify_jax.cli.inputs import read_inputs
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import make_folder, picture_of
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.files.images import save_image
from smplify_jax.pictures.keypoint_check import draw_keypoints

MAX_CHECKED = 50
"""People: a layout that is wrong is wrong for all."""


def check_keypoints(command: FitCommand) -> int:
    """Write NAME_check.png for the people of the inputs, and return the exit status.

    Raises:
        InputError: the folder for results cannot be used, or a picture not be written.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    found = read_inputs(command.inputs, command.read)
    complain_of(found)
    if not found.people:
        return FAILED
    make_folder(out)
    people = found.people[:MAX_CHECKED]
    for person in with_progress(people, len(people), "person"):
        image, complaint = picture_of(person)
        if complaint:
            FIT.complain(complaint)
        name = f"{person.name}_check.png"
        save_image(out / name, draw_keypoints(person.keypoints, person.layout, image))
        num_seen = int((person.keypoints[:, 2] > 0).sum())
        FIT.tell(
            [f"{person.name}: layout {person.layout}, {num_seen} of {len(person.keypoints)} keypoints observed: {name}"]
        )
    if len(people) < len(found.people):
        FIT.tell([f"The first {len(people)} of {len(found.people):,} people are drawn."])
    return OK if not found.unread and not found.rejected else FAILED

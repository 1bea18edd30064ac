"""A recorded motion as every reader returns it: a joint tree and its global rotations per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """Frames of one skeleton, in the file's own axes and length unit.

    Fields:
        joint_names: J names as the file writes them; a parent comes before its children.
        parents: J indices, -1 for the root.
        offsets: (J, 3) joint minus parent joint, in the parent's frame.
        rotations: (T, J, 3, 3) global rotations; the identity everywhere is the file's zero pose.
        root_positions: (T, 3) of the root in the world; None where the reader leaves them out.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    rotations: np.ndarray
    root_positions: np.ndarray | None = None

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.rotations)

    def positions(self) -> np.ndarray:
        """(T, J, 3) joint positions with the root at the origin, in the file's length unit."""
        out = np.zeros((*self.rotations.shape[:2], 3))
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                out[:, joint] = out[:, parent] + self.rotations[:, parent] @ self.offsets[joint]
        return out

    def frames(self, index: np.ndarray | slice) -> Motion:
        """The motion with some of its frames."""
        path = None if self.root_positions is None else self.root_positions[index]
        return Motion(self.joint_names, self.parents, self.offsets, self.rotations[index], path)


def compose(parents: tuple[int, ...], local: np.ndarray) -> np.ndarray:
    """Global rotations (T, J, 3, 3) from parent-relative ones of the same shape."""
    out = local.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            out[:, joint] = out[:, parent] @ local[:, joint]
    return out

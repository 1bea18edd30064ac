"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "smplify_jax" / "cli" / "data"
PICTURE, DETECTIONS = DATA / "example.png", DATA / "example_keypoints.json"


def one_sentence(stderr: str, program: str = "smplify-fit") -> str:
    """The only line of what a command wrote to stderr, which names the program and has no traceback."""
    assert "Traceback" not in stderr
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith(f"{program}: ")
    return lines[0]

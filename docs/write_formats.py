"""Write the table of keypoint formats into formats.md, from the registry: `python docs/write_formats.py`."""

from __future__ import annotations

import re
from pathlib import Path

from smplify_jax.keypoints.formats.registry import formats_table

PAGE = Path(__file__).parent / "formats.md"

_TABLE = re.compile(r"(<!-- formats: [^\n]*-->\n\n)(?:\|[^\n]*\n)*")


def main() -> None:
    """Replace the table after the comment `<!-- formats: ... -->`."""
    PAGE.write_text(_TABLE.sub(lambda found: found[1] + formats_table(), PAGE.read_text()))


if __name__ == "__main__":
    main()

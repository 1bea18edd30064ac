"""Result of an export: the files it wrote, and the people it left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NUM_NAMED = 3
"""Number of unusable pictures that a message names; the file `left_out.jsonl` lists all of them."""


@dataclass(frozen=True)
class MissingPicture:
    """A person who was left out because of their picture.

    Attributes:
        id: id of the row.
        image: the picture's name, "" if it is not known.
        reason: why the picture cannot be used, in a few words.
    """

    id: str
    image: str
    reason: str


@dataclass(frozen=True)
class Exported:
    """Result of one export; iterating over it gives the files.

    Attributes:
        files: the written files.
        num_people: number of people in them.
        left_out: number of people left out, by reason.
        missing: those left out because of their picture.
        notes: sentences to show to the user once.
    """

    files: tuple[Path, ...]
    num_people: int
    left_out: dict[str, int]
    missing: tuple[MissingPicture, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Path]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def complaint(self) -> str | None:
        """A sentence about the pictures that cannot be used; None if all can."""
        if not self.missing:
            return None
        names = list(dict.fromkeys(f"{one.image or one.id} ({one.reason})" for one in self.missing))
        more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
        who = "1 person was" if len(self.missing) == 1 else f"{len(self.missing):,} people were"
        return f"{who} left out because a picture cannot be used: {', '.join(names[:NUM_NAMED])}{more}; see left_out.jsonl."

    def entries(self) -> dict[str, Any]:
        """The entry of report.json."""
        return {"num_people": self.num_people, "left_out": self.left_out}

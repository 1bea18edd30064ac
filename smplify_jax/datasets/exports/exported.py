"""What an export wrote, and whom it left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smplify_jax.files.printable import printable

NUM_NAMED = 3
"""How many of the pictures that are not there a message names; the file `left_out.jsonl` has them all."""


@dataclass(frozen=True)
class MissingPicture:
    """A person who was left out because of their picture.

    Attributes:
        id: of the row.
        image: the picture's name, "" if it is not known.
        reason: in a few words.
    """

    id: str
    image: str
    reason: str


@dataclass(frozen=True)
class Exported:
    """What one export came to; iterating gives the files.

    Attributes:
        files: that were written.
        num_people: in them.
        left_out: number of people who are not, by why.
        missing: those of them whose picture cannot be used.
        notes: sentences that a user should read, once.
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
        """Which pictures are not there, in a sentence; None if all are."""
        if not self.missing:
            return None
        names = list(dict.fromkeys(f"{printable(one.image or one.id)} ({one.reason})" for one in self.missing))
        more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
        who = "1 person was" if len(self.missing) == 1 else f"{len(self.missing):,} people were"
        return (
            f"{who} left out, whose picture cannot be used: {', '.join(names[:NUM_NAMED])}{more}; see left_out.jsonl."
        )

    def entries(self) -> dict[str, Any]:
        """As report.json has it."""
        return {"num_people": self.num_people, "left_out": self.left_out}

"""A result in a line of text, and as a small table for notebooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

import numpy as np

MAX_ROWS = 20
"""People of a table; the rest are counted."""


def text_line(statuses: Sequence[str] | None, is_batched: bool, layout: str, body: str) -> str:
    """How many people, how their fits ended, the layout and the body.

    Args:
        statuses: each person's, by name; None if they have no values, as when JAX traces a function.
        is_batched: whether there is a leading axis of people.
        layout: its name.
        body: its name.
    """
    if statuses is None:
        people = "people without values"
    elif is_batched:
        counts = ", ".join(f"{count} {name}" for name, count in Counter(statuses).items())
        people = f"{len(statuses)} {'person' if len(statuses) == 1 else 'people'}" + (f": {counts}" if counts else "")
    else:
        people = f"one person, no leading axis: {statuses[0]}"
    return f"<FitResult of {people}; layout {layout!r}, body {body!r}>"


def html_table(title: str, rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]]) -> str:
    """A row per person, `MAX_ROWS` at most.

    Args:
        title: above the table.
        rows: each person's status, quality, errors (K,) [px] and height [px]; what is not finite is shown as a dash.
    """
    head = "".join(f"<th>{name}</th>" for name in ("", "status", "quality", "median error [px]", "height [px]"))
    body = "".join(
        f"<tr><th>{number}</th><td>{escape(status)}</td><td>{_number(quality, 2)}</td>"
        f"<td>{_number(_median(errors), 1)}</td><td>{_number(height, 0)}</td></tr>"
        for number, (status, quality, errors, height) in enumerate(rows[:MAX_ROWS])
    )
    rest = f"<div>… and {len(rows) - MAX_ROWS} more</div>" if len(rows) > MAX_ROWS else ""
    return f"<div>{escape(title)}</div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _median(errors: np.ndarray) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.median(known)) if known.size else float("nan")


def _number(value: float | np.ndarray, num_decimals: int) -> str:
    return f"{float(value):.{num_decimals}f}" if np.isfinite(value) else "–"

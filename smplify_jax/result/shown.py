"""A result in a line of text, and as a small table for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

MAX_ROWS = 20
"""People in a table; the rest are counted."""


def text_line(statuses: Mapping[str, int] | None, is_batched: bool, layout: str, body: str) -> str:
    """One line: the number of people by status, the layout and the body.

    Args:
        statuses: number of people by status name; None if the statuses have no values, as when JAX traces a function.
        is_batched: whether there is a leading axis of people.
        layout: its name.
        body: its name.
    """
    if statuses is None:
        people = "people without values"
    elif is_batched:
        counts, total = ", ".join(f"{count} {name}" for name, count in statuses.items()), sum(statuses.values())
        people = f"{total} {'person' if total == 1 else 'people'}" + (f": {counts}" if counts else "")
    else:
        people = f"one person, no leading axis: {next(iter(statuses))}"
    return f"<FitResult of {people}; layout {layout!r}, body {body!r}>"


def html_table(
    title: str, rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], num_people: int, picture: str = ""
) -> str:
    """A row per person.

    Args:
        title: above the table.
        rows: the first people's status, quality, errors (K,) [px] and height [px]; what is not finite is shown as a dash.
        num_people: in all.
        picture: beside the table, as a data URL.
    """
    head = "".join(f"<th>{name}</th>" for name in ("", "status", "quality", "median error [px]", "height [px]"))
    body = "".join(
        f"<tr><th>{number}</th><td>{escape(status)}</td><td>{_number(quality, 2)}</td>"
        f"<td>{_number(_median(errors), 1)}</td><td>{_number(height, 0)}</td></tr>"
        for number, (status, quality, errors, height) in enumerate(rows)
    )
    rest = f"<div>… and {num_people - len(rows)} more</div>" if num_people > len(rows) else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"
    if picture:
        table = f'<div style="display: flex; gap: 1em"><img alt="The bodies" src="{picture}"><div>{table}</div></div>'
    return f"<div>{escape(title)}</div>{table}"


def _median(errors: np.ndarray) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.median(known)) if known.size else float("nan")


def _number(value: float | np.ndarray, num_decimals: int) -> str:
    return f"{float(value):.{num_decimals}f}" if np.isfinite(value) else "–"

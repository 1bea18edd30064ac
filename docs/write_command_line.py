"""Write command_line.md, the options of the commands, from their own help: `python docs/write_command_line.py`."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.dataset_options import DATASET, EXPORT
from smplify_jax.cli.program import Program

PAGE = Path(__file__).parent / "command_line.md"

PROGRAMS = (FIT, DATASET, EXPORT)

_PLAIN = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
"""So wide that groups stand below each other, without frames."""

_RULE = re.compile(r"\s*-{20,}\s*")

_CONTINUED = " " * 5
"""What an explanation's further lines begin with, and no option does."""

_INTRODUCTION = """# Command line

Every option of every command, as `--help` prints it. How to use them is on the pages that they belong to:
[photos and videos](photo_and_video.md), [video and tracks](video.md), [several cameras](several_cameras.md), [points](points.md),
[another network](starts.md), [datasets](datasets.md).

Exit status: 0 if all went well; 1 if something could not be read, fitted or written; 2 for wrong options; 130 and 143 after Ctrl-C
and SIGTERM.

<!-- Written by python docs/write_command_line.py from the options themselves. -->
"""


@dataclass
class Group:
    """Options that belong together.

    Attributes:
        title: as in the help, such as "write options".
        text: what they are for.
        rows: option and explanation.
    """

    title: str
    text: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(line for program in PROGRAMS for line in _section(program))]) + "\n"


def help_of(program: Program) -> str:
    """What `--help` prints to a file."""
    text = io.StringIO()
    with patch.dict(os.environ, _PLAIN), contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        program.parse(["--help"])
    return text.getvalue()


def groups_of(help_text: str) -> list[Group]:
    """The groups of options in such a help text: a title, a rule, and, if a second rule follows, what they are for."""
    lines = [line.rstrip() for line in help_text.splitlines()]
    groups: list[Group] = []
    for before, line in itertools.pairwise(lines):
        if _RULE.fullmatch(line) and line.startswith(" -"):
            groups.append(Group(before.strip()))
        elif _RULE.fullmatch(line):
            group = groups[-1]
            group.text, group.rows = " ".join(" ".join(row) for row in group.rows).strip(), []
        elif groups and line.startswith(_CONTINUED) and groups[-1].rows:
            option, explanation = groups[-1].rows.pop()
            groups[-1].rows.append((option, f"{explanation} {line.strip()}".strip()))
        elif groups and line.startswith("  "):
            option, _, explanation = line.strip().partition("  ")
            groups[-1].rows.append((option, explanation.strip()))
    return groups


def _section(program: Program) -> Iterator[str]:
    yield f"## {program.name}\n"
    description, _, examples = program.description.partition("\nExamples:\n")
    yield description.strip() + "\n"
    if examples:
        yield f"```text\n{examples.rstrip()}\n```\n"
    for group in groups_of(help_of(program)):
        yield f"### {group.title.capitalize()}\n"
        if group.text:
            yield group.text[0].upper() + group.text[1:] + "\n"
        yield "| option | |\n|---|---|"
        yield from (f"| `{_cell(option)}` | {_cell(explanation)} |" for option, explanation in group.rows)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page())

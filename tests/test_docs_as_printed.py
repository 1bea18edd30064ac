"""Each page of the documentation, walked as a reader would: its blocks run in their order, as printed, in a fresh folder.

Files that a page calls the reader's own are stand-ins (`docs_stand_ins`); nothing else is there.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import REPOSITORY
from docs_stand_ins import put_stand_ins

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]

_FENCED = re.compile(r"^```([\w{}-]*)( standalone)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_SHELL_LANGUAGES = ("bash", "sh", "")

_COMMANDS = {"smplify-fit": "smplify_jax.cli.fit", "smplify-fit-dataset": "smplify_jax.cli.dataset"}

NOT_RUN = {
    "pip install": "CI installs in a fresh environment",
    "python -m pytest": "these are the tests",
    "python -m benchmarks": "takes minutes, and writes over committed figures",
    "--engine ray": "starts a cluster; see test_dataset_ray",
    "SLURM": "needs a cluster's scheduler",
    "my_photo": "needs a detector, which the tests do not; see test_detectors and test_photos",
    "my_video": "needs a detector; see test_fit_video",
    "smplify-view": "serves until it is ended; see test_viewer",
    "--example-video": "renders and fits for a minute; see test_fit_video",
    "--cameras": "reads recordings of several cameras; see test_cli_views",
    "--points": "reads files of other programs; see test_cli_points and test_points_recipe",
    "import torch": "needs the extra torch; see test_torch",
    "estimator.process_one_image": "SAM 3D Body is not among the dependencies",
    "-{000000..": "reads tars of the reader's own",
}
"""Parts of lines of a shell, or of a block of Python, that are not run, and why."""

_SHELL = """
import subprocess
subprocess.run(["bash", "-euo", "pipefail", "-c", {script!r}], check=True)
"""

_STANDALONE = """
import subprocess, sys
subprocess.run([sys.executable, "-c", {script!r}], check=True)
"""


def _program(page: Path) -> str:
    """The page's blocks as one Python program; "" if none needs this test: sessions with their output are run by test_docs."""
    parts, has_more_than_sessions = [], False
    for language, standalone, block in _FENCED.findall(page.read_text()):
        if language == "python" and not _is_left_out(block):
            has_more_than_sessions |= ">>>" not in block
            parts.append(_STANDALONE.format(script=block) if standalone else _python_script(block))
        elif language in _SHELL_LANGUAGES and (script := _shell_script(block)):
            has_more_than_sessions = True
            parts.append(_SHELL.format(script=script))
    return "\n".join(parts) if has_more_than_sessions else ""


def _python_script(block: str) -> str:
    """A block, or the input of a session, without what is shown to raise."""
    if ">>>" not in block:
        return block
    return "".join(example.source for example in doctest.DocTestParser().get_examples(block) if not example.exc_msg)


def _shell_script(block: str) -> str:
    """The lines of a block that can run, our commands run by this Python; "" where none of them is ours."""
    lines = [line for line in re.split(r"\n|&& ", block.replace("\\\n", " ")) if not _is_left_out(line)]
    if not any(re.search(rf"\b{name}\b", line) for name in _COMMANDS for line in lines):
        return ""
    python = shlex.quote(sys.executable)
    functions = [f'{name}() {{ {python} -m {module} "$@"; }}' for name, module in _COMMANDS.items()]
    return "\n".join([*functions, *lines])


def _is_left_out(text: str) -> bool:
    return any(part in text for part in NOT_RUN)


PROGRAMS = {page: program for page in PAGES if (program := _program(page))}


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_what_a_page_shows_runs_as_printed(page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    put_stand_ins(tmp_path, PROGRAMS[page])
    cache = tmp_path_factory.getbasetemp() / "cache_home"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[page]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_the_readme_needs_nothing_but_what_its_own_commands_write(tmp_path: Path):
    put_stand_ins(tmp_path, PROGRAMS[REPOSITORY / "README.md"])
    assert not list(tmp_path.iterdir())

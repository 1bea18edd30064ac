"""The documentation: its code runs, its links lead somewhere, and its tables are the code's."""

from __future__ import annotations

import ast
import doctest
import re
import runpy
import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from smplify_jax import LAYOUTS, PROFILES, FitStatus, Profile, Round, fit
from smplify_jax.cli.arguments import FIT, check_command
from smplify_jax.cli.dataset import DATASET, EXPORT, EXPORT_WORD, check_dataset_command
from smplify_jax.cli.dataset_export import check_export_command
from smplify_jax.cli.view_options import VIEW
from smplify_jax.cli.view_options import check_command as check_view_command
from smplify_jax.fitting.profiles import PLAIN_DIFFERENCE
from smplify_jax.keypoints.formats.registry import FORMATS, formats_table
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.solver.levenberg_marquardt import SolverOptions

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.glob("*.md")), *sorted((REPOSITORY / "examples").glob("*.md"))]

_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_DATASETS = ("_lsp", "_mpii", "_h36m", "_coco")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))


def _blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Line number and text of the fenced blocks in any of the languages."""
    text = page.read_text()
    found = [match for match in _FENCED.finditer(text) if match[1] in languages]
    return [(text.count("\n", 0, match.start(2)), match[2]) for match in found]


@every_page
def test_the_code_shown_runs_and_prints_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    parser, runner, report = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False), []
    names: dict[str, object] = {}
    for line, block in _blocks(page, "python", "pycon"):
        shown = parser.get_doctest(block, names, page.name, str(page), line)
        runner.run(shown, out=report.append, clear_globs=False)
        names = shown.globs  # the code of a page goes on in the next block of the page
    assert not runner.failures, "".join(report)


@every_page
def test_the_python_shown_without_output_is_python(page: Path):
    for _, block in _blocks(page, "python"):
        if ">>>" not in block:
            ast.parse(block)


@every_page
def test_the_commands_shown_have_options_that_exist(page: Path):
    for _, block in _blocks(page, "", "bash", "console"):
        for command in re.split(r"\n|&&", block.replace("\\\n", " ")):
            program, *arguments = shlex.split(command, comments=True) or [""]
            if program == FIT.name and "--help" not in arguments:
                check_command(FIT.parse(arguments))
            if program == VIEW.name and "--help" not in arguments:
                check_view_command(VIEW.parse(arguments))
            if program == DATASET.name and "--help" not in arguments:
                if arguments[0] == EXPORT_WORD:
                    check_export_command(EXPORT.parse(arguments[1:]))
                else:
                    check_dataset_command(DATASET.parse(arguments))


@every_page
def test_every_relative_link_and_picture_is_there(page: Path):
    text = _FENCED.sub("", page.read_text())
    targets = [target for target in _LINK.findall(text) if not re.match(r"\w+:", target)]
    missing = [target for target in targets if not _leads_somewhere(target, page)]
    assert not missing


def _leads_somewhere(target: str, page: Path) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in _anchors(file))


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get where Markdown is shown, and that labels give in the built pages."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _shown_table(page: str, label: str) -> str:
    """The table after the comment `<!-- label: ... -->` of a page."""
    after = re.search(rf"<!-- {label}: [^\n]*-->\n\n?((?:\|[^\n]*\n)*)", (DOCS / page).read_text())
    assert after is not None
    return after[1]


def _table(header: str, rows: Iterable[tuple[object, ...]]) -> str:
    lines = [header, "|" + "---|" * header.count(" | ") + "---|"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def test_the_layouts_shown_are_those_of_the_library():
    rows = [(f"`{layout.name}`", layout.num_keypoints, _code(layout.keypoint_names)) for layout in LAYOUTS.values()]
    assert _shown_table("conventions.md", "layouts") == _table("| layout | K | keypoints, in order |", rows)


def test_the_formats_shown_are_those_of_the_registry():
    assert _shown_table("formats.md", "formats") == formats_table(), "run python docs/write_formats.py"


def test_the_options_shown_are_those_of_the_commands():
    written = runpy.run_path(str(DOCS / "write_command_line.py"))["page"]()
    assert (DOCS / "command_line.md").read_text() == written, "run python docs/write_command_line.py"


def test_every_format_says_what_it_holds_and_in_which_layouts():
    assert all(known.content and known.layouts for known in FORMATS.values())


def test_the_body_points_shown_are_those_of_the_layouts():
    users: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for layout in LAYOUTS.values():
        for keypoint, points in zip(layout.keypoint_names, layout.points, strict=True):
            name = next((keypoint.removesuffix(ending) for ending in _DATASETS if keypoint.endswith(ending)), keypoint)
            if points != (name,) and layout.name not in users.setdefault((name, points), []):
                users[name, points].append(layout.name)
    rows = [(f"`{name}`", _code(points), _code(tuple(layouts))) for (name, points), layouts in users.items()]
    assert _shown_table("conventions.md", "points") == _table("| keypoint | body points | in the layouts |", rows)


def test_the_statuses_shown_are_those_of_a_fit():
    rows = [(status.value, f"`{status.name}`", status.sentence) for status in FitStatus]
    assert _shown_table("conventions.md", "statuses") == _table("| code | name | sentence |", rows)


_FREES = ("global_orient", "transl", "body_pose", "betas")


def _free_blocks(one: Round) -> str:
    freed = [name for name in _FREES if getattr(one, f"frees_{name}") == 1.0]
    held = [name for name in _FREES if name not in freed]
    if len(held) > 1:
        return _code(tuple(freed))
    return f"all but {_code(tuple(held))}" if held else "all"


def _stop(solver: SolverOptions | AdamOptions) -> tuple[str, str]:
    if isinstance(solver, AdamOptions):
        return f"{solver.num_steps}", "–"
    return f"{solver.max_steps}", f"{solver.relative_gain:g}"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_rounds_shown_are_those_of_every_profile(profile: Profile):
    rows = []
    for phase in ("camera", "explore", "refine"):
        for one in getattr(profile, phase):
            weights = one.weights
            sigma = "∞" if weights.sigma == PLAIN_DIFFERENCE else f"{weights.sigma:g}"
            names = ("pose_prior", "bend", "shape", "depth", "interpenetration", "anchor")
            numbers = (f"{getattr(weights, name):.4g}" for name in names)
            keypoints = one.keypoints if one.uses_confidence == 1.0 else f"{one.keypoints}, all alike"
            rows.append((phase, _free_blocks(one), keypoints, sigma, *numbers, *_stop(one.solver)))
    weights = "$\\sigma$ | $w_\\theta$ | $w_a$ | $w_\\beta$ | $w_z$ | $w_{sp}$ | $w_n$"
    header = f"| round | free | keypoints | {weights} | steps at most | relative gain |"
    assert _shown_table("objective.md", f"rounds of {profile.name}") == _table(header, rows)


def test_the_profiles_shown_are_those_of_the_library():
    rows = []
    for profile in PROFILES.values():
        focal_length = "the picture's diagonal"
        if profile.focal_length_px is not None:
            focal_length = f"{profile.focal_length_px:g} px"
        if profile.focal_length_boxes is not None:
            focal_length = f"{profile.focal_length_boxes:.1f} times the person's box"
        pose = "zero" if profile.starts_at_zero_pose else "the prior's mean"
        pose = f"proposed; in a search, {pose}" if profile.uses_proposal else pose
        starts = f"1; in a search, {profile.num_starts}" if profile.uses_proposal else profile.num_starts
        depth = "torso" if profile.takes_depth_from_torso else "every visible limb"
        depth = f"proposed; in a search, {depth}" if profile.uses_proposal else depth
        solver = {"SolverOptions": "Levenberg–Marquardt", "AdamOptions": "Adam"}[
            type(profile.refine[0].solver).__name__
        ]
        height = f"{profile.reference_height_px:.0f} px"
        rows.append((f"`{profile.name}`", solver, starts, pose, depth, focal_length, height))
    header = "| profile | solver | starts | first pose | first depth | focal length without a camera | constants for a height of |"
    assert _shown_table("objective.md", "profiles") == _table(header, rows)


def test_the_keys_shown_are_those_of_a_saved_fit(tmp_path: Path):
    nobody = np.zeros((len(LAYOUTS["coco17"].points), 3))
    fit(nobody, layout="coco17", image_size=(512, 640)).save(tmp_path / "fit.npz")
    section = (DOCS / "conventions.md").read_text().split("## Files written")[1]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    shown = {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}
    with np.load(tmp_path / "fit.npz") as file:
        assert shown == set(file.files)

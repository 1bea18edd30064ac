"""Draw the rooms of docs/architecture.md and who imports from whom: `python docs/make_architecture_picture.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from import_graph import rooms  # noqa: E402  # beside the test that keeps imports one-way

PICTURE = REPOSITORY / "docs" / "pictures" / "architecture.png"
LEFT_OUT = ("moved", "learn")
"""What the flow of data does not pass: old import paths, and the tools that build what is shipped."""

PURPOSE = {  # rooms on one floor stand in this order
    "errors": "one error for bad input",
    "files": "safe reading,\natomic writing",
    "geometry": "rotations, skeleton,\nmirror, metrics",
    "rotations": "all forms of\nrotations",
    "prior": "what a pose is",
    "execution": "compiling, batching,\ndevices, layout",
    "camera": "pinhole, crops,\nobservations, depth",
    "keypoints": "layouts, one registry\nof formats",
    "detectors": "programs that find\nkeypoints in pictures",
    "body": "what a body is",
    "measurements": "what a tape\nmeasures",
    "solver": "damped Gauss-Newton",
    "terms": "one residual a file",
    "proposal": "the network's\nproposal",
    "quality": "how good a fit is",
    "result": "FitResult",
    "predictions": "what other\nnetworks predict",
    "fitting": "fit and solve, recipes,\nsearch, report",
    "torch": "solve for torch",
    "pictures": "overlays, views",
    "exports": "files for\nother programs",
    "viewer": "results in\na browser",
    "media": "from a picture\nor video to bodies",
    "datasets": "jobs, Parquet,\nexports, the store",
    "cli": "the commands",
}


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Each room on the lowest floor above all rooms that it imports from."""
    floor: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in floor:
            floor[name] = max((place(other) + 1 for other in graph[name]), default=0)
        return floor[name]

    for name in graph:
        place(name)
    return floor


def direct(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows that do not follow from others."""

    def reach(name: str) -> set[str]:
        return graph[name].union(*(reach(other) for other in graph[name]))

    return [(a, b) for a in graph for b in graph[a] if not any(b in reach(c) for c in graph[a] - {b})]


def draw() -> None:
    """Write the picture."""
    graph = {name: others - set(LEFT_OUT) for name, others in rooms().items() if name not in LEFT_OUT}
    floor = floors(graph)
    width, height, gap_x, gap_y = 2.4, 0.8, 2.65, 1.35
    places = {}
    for level in range(max(floor.values()) + 1):
        names = sorted((name for name in graph if floor[name] == level), key=list(PURPOSE).index)
        for index, name in enumerate(names):
            places[name] = ((index - (len(names) - 1) / 2) * gap_x, level * gap_y)
    figure, axes = plt.subplots(figsize=(9, 12))
    for above, below in direct(graph):
        (x0, y0), (x1, y1) = places[above], places[below]
        start, end, bend = (x0, y0 - height / 2), (x1, y1 + height / 2), 0.0
        if floor[above] - floor[below] > 1:  # around the floors between
            side = 1 if x0 + x1 > 0 else -1
            start, end, bend = (x0 + side * width / 2, y0), (x1 + side * width / 2, y1), -0.35 * side
        style = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}", "color": "#8a94a6"}
        axes.add_patch(FancyArrowPatch(start, end, mutation_scale=12, lw=1.2, **style))
    for name, (x, y) in places.items():
        corner = (x - width / 2, y - height / 2)
        axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.02", fc="#eef3fb", ec="#3b5b8c"))
        axes.text(x, y + 0.19, name, ha="center", va="center", fontsize=10, weight="bold", color="#1f3354")
        axes.text(x, y - 0.14, PURPOSE[name], ha="center", va="center", fontsize=7, color="#333333")
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
    figure.savefig(PICTURE, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    draw()

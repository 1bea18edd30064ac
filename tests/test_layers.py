"""Imports go one way, as data flows between packages, and never in a circle inside a package."""

from __future__ import annotations

from graphlib import TopologicalSorter

from import_graph import imports, modules, room, rooms

# From the ground floor up; a room may import from itself and from those before it in this list.
ROOMS = (
    "moved",
    "errors",
    "files",
    "geometry",
    "rotations",
    "execution",
    "camera",
    "keypoints",
    "detectors",
    "body",
    "measurements",
    "prior",
    "solver",
    "terms",
    "proposal",
    "quality",
    "pictures",
    "exports",
    "result",
    "predictions",
    "fitting",
    "torch",
    "media",
    "viewer",
    "datasets",
    "cli",
    "learn",
)


def test_every_module_belongs_to_a_room():
    assert set(rooms()) == set(ROOMS)


def test_no_room_imports_from_a_later_one():
    floor = {name: number for number, name in enumerate(ROOMS)}
    upward = [
        f"{module} imports {imported}"
        for module in modules()
        for imported in imports(module)
        if floor[room(imported)] > floor[room(module)]
    ]
    assert not upward


def test_modules_do_not_import_in_circles():
    TopologicalSorter({module: imports(module) for module in modules()}).prepare()  # CycleError names the circle


def test_the_solver_knows_nothing_of_bodies():
    assert rooms()["solver"] <= {"execution"}


def test_proposals_do_not_know_how_a_fit_goes_on():
    assert "fitting" not in rooms()["proposal"]

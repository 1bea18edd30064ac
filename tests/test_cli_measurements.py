"""`smplify-fit --measurements`, --height and --mass."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from smplify_jax.cli.fit import main
from smplify_jax.cli.fitter import people_fitter
from smplify_jax.cli.options import FitCommand, MeasureOptions
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.measurements.definitions import NAMES


def test_everybodys_measurements_are_written_with_intervals(tmp_path, capsys):
    arguments = ["--example", "--out", str(tmp_path), "--no-obj", "--no-overlay", "--measurements"]
    assert main(arguments) == 0
    assert "summary.json, measurements.csv, measurements.json" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines()))
    assert [row["measurement"] for row in rows] == list(NAMES)
    assert {row["name"] for row in rows} == {"example_0"}
    numbers = np.array([[float(row[column]) for column in ("low", "value", "high")] for row in rows])
    assert np.all(numbers[:, 0] < numbers[:, 1])
    assert np.all(numbers[:, 1] < numbers[:, 2])
    stored = json.loads((tmp_path / "measurements.json").read_text())
    assert stored["coverage"] == 0.9
    assert [one["value"] for one in stored["people"]["example_0"]] == numbers[:, 1].tolist()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--height", "175"], "'stature' is 175: give it in m"),
        (["--mass", "7"], "'mass' is 7: give it in kg"),
        (["--track", "--height", "175"], "'stature' is 175: give it in m"),
        (["--points", "--measurements"], "--measurements is for fits of single pictures"),
    ],
)
def test_wrong_options_are_explained(tmp_path, capsys, arguments, complaint):
    assert main(["people.json", "--out", str(tmp_path), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_what_is_known_of_everybody_reaches_the_fit(monkeypatch):
    given = {}
    monkeypatch.setattr("smplify_jax.datasets.job.fitter.fit", lambda *_, **arguments: given.update(arguments))
    command = FitCommand(measure=MeasureOptions(height=1.75, mass=70.0))
    fitter = people_fitter(command.body, command.camera, command.measure, guesses_cameras=True)
    row = DatasetRow("a", np.ones((17, 3), np.float32), "coco17", "a.json", "0", image_size=(640.0, 480.0))
    fitter.fit([row])
    assert given["measurements"] == {"stature": 1.75, "mass": 70.0}

"""The recipe of docs/points.md from SAM 3D Body to an SMPL-format body, as printed, with a stand-in for its estimator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from command_line import REPOSITORY
from people import draw_people

from smplify_jax import load_body
from smplify_jax.cli.fit import main
from smplify_jax.result import FitResult

_BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section():
    """The blocks of the recipe: language and text."""
    page = (REPOSITORY / "docs" / "points.md").read_text()
    text = page.split("## SAM 3D Body to an SMPL-format body")[1].split("\n## ")[0]
    return _BLOCK.findall(text)


class Estimator:
    """Gives what SAM 3D Body gives, of known bodies of ours."""

    def __init__(self):
        self.people = draw_people(2, "mhr70", seed=5)
        body = load_body()
        self.joints = np.asarray(body.joints(**self.people.parameters))
        self.points = np.asarray(body.keypoints(**self.people.parameters, layout="mhr70"))

    def process_one_image(self, path):
        assert path == "photo.jpg"
        move = np.array([0.1, -0.2, 0.5])
        return [{"pred_keypoints_3d": points - move, "pred_cam_t": move} for points in self.points]


@pytest.mark.filterwarnings("ignore:The body 'open body' does not define")
def test_the_recipe_runs_as_printed_and_gives_the_bodies(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    estimator = Estimator()
    names: dict[str, Any] = {"estimator": estimator}
    exec("from smplify_jax import fit_points", names)
    languages = []
    for language, block in section():
        languages.append(language)
        if language == "python":
            exec(block, names)
        else:
            (line,) = block.splitlines()
            assert main([*line.split()[1:], "--no-cache"]) == 0
    assert languages == ["python", "bash", "python"]
    result = names["result"]
    assert 1000 * np.linalg.norm(np.asarray(result.joints) - estimator.joints, axis=-1).mean() < 15
    assert {name: array.shape for name, array in names["arrays"].items()} == {
        "betas": (2, 10),
        "global_orient": (2, 3),
        "body_pose": (2, 69),
        "transl": (2, 3),
    }
    by_command = np.stack([np.asarray(FitResult.load(f"sam3d_fits/sam3d_{k}.npz").joints) for k in range(2)])
    upright = estimator.joints[..., [0, 2, 1]] * (1, 1, -1)
    assert 1000 * np.linalg.norm(by_command - upright, axis=-1).mean() < 15
    assert "sam3d_0: Converged." in capsys.readouterr().out

"""`smplify_jax.torch`: tensors of any kind in and out, gradients that torch's own check believes, and workers of a DataLoader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from solved_people import NO_NETWORK, draw_inputs

from smplify_jax import InputError, prepare_solve

torch = pytest.importorskip("torch", reason="needs the extra torch")
pytestmark = pytest.mark.smplx

from smplify_jax.torch import solve  # noqa: E402


def tensors_of(num_people: int, dtype: Any = None) -> dict[str, Any]:
    inputs = draw_inputs(num_people)
    keypoints = np.concatenate([inputs["points"], inputs["confidence"][..., None]], axis=-1)
    names = ("focal_length", "camera_center", "pose_precision", "betas_precision", "keypoint_weights")
    given = {"keypoints": keypoints, **{name: inputs[name] for name in names}}
    return {name: torch.tensor(array, dtype=dtype) for name, array in given.items()} | {
        "init": {name: torch.tensor(block, dtype=dtype) for name, block in inputs["init"].items()}
    }


@pytest.fixture(scope="module")
def problem():
    return prepare_solve(layout="coco17", profile=NO_NETWORK)


def test_gradients_pass_torchs_own_check(float64):
    problem, given = prepare_solve(layout="coco17", profile=NO_NETWORK), tensors_of(2, torch.float64)
    names = ("keypoints", "focal_length", "camera_center", "pose_precision", "betas_precision", "keypoint_weights")
    inputs = [given[name].requires_grad_(True) for name in names]

    def outputs(*inputs):
        found = solve(problem, init=given["init"], **dict(zip(names, inputs, strict=True)))
        return found.joints, found.body_pose, found.betas

    # Along one random direction of all inputs and outputs. The step is far above the rounding error of a fit, 1e-9.
    assert torch.autograd.gradcheck(outputs, inputs, eps=1e-4, atol=1e-5, rtol=1e-3, fast_mode=True)


def test_tensors_of_every_kind_give_the_same_bodies(problem):
    given = tensors_of(2, torch.float32)
    expected = solve(problem, **given)
    assert expected.valid.all()
    assert expected.joints.shape == (2, 24, 3)
    strided = given["keypoints"].permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not strided.is_contiguous()
    kinds = {
        "strides": strided,
        "double": given["keypoints"].double(),
        "gradient": given["keypoints"].clone().requires_grad_(True),
    }
    for keypoints in kinds.values():
        found = solve(problem, **dict(given, keypoints=keypoints))
        assert found.joints.dtype == keypoints.dtype
        torch.testing.assert_close(found.joints.detach().float(), expected.joints, atol=1e-4, rtol=0)


def test_tensors_may_be_written_to_afterwards(problem):
    given = tensors_of(2, torch.float32)
    points = given["keypoints"].clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(solve(problem, **dict(given, keypoints=points)).joints.sum(), points)
    found = solve(problem, **dict(given, keypoints=points))
    with torch.no_grad():
        points.zero_()
        given["focal_length"].fill_(1.0)
    found.joints.sum().backward()
    torch.testing.assert_close(points.grad, expected)
    found.joints.detach().zero_()
    assert found.transl.detach().abs().sum() > 0


def test_people_who_cannot_be_fitted_have_gradients_of_zero(problem):
    given = tensors_of(2, torch.float32)
    given["keypoints"][1] = torch.nan
    points = given["keypoints"].requires_grad_(True)
    found = solve(problem, **given)
    assert found.valid.tolist() == [True, False]
    (found.joints.sum() + found.body_pose.sum()).backward()
    assert points.grad[0].abs().sum() > 0
    assert not points.grad[1].any()


def test_an_unusable_argument_raises_an_error_that_says_why(problem):
    given = tensors_of(2, torch.float32)
    with pytest.raises(InputError, match="keypoints is not a torch tensor"):
        solve(problem, **dict(given, keypoints=np.zeros((17, 3))))
    with pytest.raises(InputError, match="An anchor needs"):
        solve(problem, **dict(given, betas_precision=None))
    with pytest.raises(InputError, match="init has betas"):
        solve(problem, **dict(given, init={"betas": given["init"]["betas"]}))


class FittedPeople(torch.utils.data.Dataset):
    """A data set that fits its people in the workers."""

    def __init__(self):
        self.given = tensors_of(2, torch.float32)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        problem = prepare_solve(layout="coco17", profile=NO_NETWORK)
        rows = {name: value[index : index + 1] for name, value in self.given.items() if name != "init"}
        init = {name: block[index : index + 1] for name, block in self.given["init"].items()}
        return solve(problem, **rows, init=init).joints[0]


def test_workers_of_a_data_loader_can_solve(problem):
    loader = torch.utils.data.DataLoader(FittedPeople(), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    (found,) = loader
    torch.testing.assert_close(found, solve(problem, **tensors_of(2, torch.float32)).joints, atol=1e-4, rtol=0)


def test_the_block_of_the_page_runs_as_printed():
    page = (Path(__file__).parents[1] / "docs" / "differentiable.md").read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import torch" in one]
    given = tensors_of(2, torch.float32)
    names = {
        "keypoints": given["keypoints"].requires_grad_(),
        "focal_length": given["focal_length"],
        "camera_center": given["camera_center"],
        "target": torch.zeros(2, 24, 3),
    }
    exec(block, names)
    assert names["keypoints"].grad.abs().sum() > 0

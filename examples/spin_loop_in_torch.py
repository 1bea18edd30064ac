"""SPIN's inner step in PyTorch: predict, fit from the prediction, keep the better fit, learn from it.

    python examples/spin_loop_in_torch.py

For people with a trainer of their own: keep `inner_step`, and replace the network, the rows and the weights of the losses.
Fits are targets, so no gradient flows through them; where one should, see `smplify_jax.torch.solve`. The network here is
tiny and sees keypoints in place of pictures. The example needs the extra `torch`, and writes `spin_loop.store`, the best
fit of every row.
"""

from typing import NamedTuple

import numpy as np
import torch

from smplify_jax import BodyParameters, Camera, PredictedBodies, fit, get_layout, load_body, load_prior, project
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays
from smplify_jax.rotations import axis_angle_to_matrix

NUM_ROWS, NUM_EPOCHS, SIDE = 64, 6, 224
FOCAL_LENGTH = SPIN_FOCAL_SIDES * SIDE
# SPIN trusts fits whose loss is below 100 px^2 a keypoint, in crops of 224 px; the store's have 256.
MAX_LOSS = 49 * 100.0 * (256 / SIDE) ** 2

torch.manual_seed(0)
torch.set_num_threads(1)
body, layout = load_body(num_betas=10), get_layout("coco17")
regressor = np.asarray(body.J_regressor)
template = torch.tensor(regressor @ np.asarray(body.v_template))  # (24, 3)
directions = torch.tensor(np.einsum("jv,vcb->jcb", regressor, np.asarray(body.shapedirs)))  # (24, 3, 10)
# Keypoints that are joints of the body, for the loss in the picture.
limbs = [name for name in layout.keypoint_names if name in body.joint_names]
seen, seen_joints = [layout.index(name) for name in limbs], [body.joint_names.index(name) for name in limbs]


class Prediction(NamedTuple):
    """Rotation matrices (B, 24, 3, 3), betas (B, 10), and weak perspective (B, 3): s, tx, ty in the crop from -1 to 1."""

    rotations: torch.Tensor
    betas: torch.Tensor
    weak: torch.Tensor


class Network(torch.nn.Module):
    """Keypoints to bodies, by corrections to an upright person who faces the camera."""

    def __init__(self):
        super().__init__()
        last = torch.nn.Linear(128, 24 * 6 + 10 + 3)
        self.layers = torch.nn.Sequential(torch.nn.Linear(51, 128), torch.nn.ReLU(), last)
        torch.nn.init.normal_(last.weight, std=1e-3)
        torch.nn.init.zeros_(last.bias)
        upright = torch.eye(3).repeat(24, 1, 1)
        upright[0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
        self.register_buffer(
            "mean", torch.cat([upright[..., :2].flatten(), torch.zeros(10), torch.tensor([0.9, 0, 0.2])])
        )

    def forward(self, keypoints):
        """Bodies of keypoints (B, 17, 3)."""
        scaled = torch.cat([2 * keypoints[..., :2] / SIDE - 1, keypoints[..., 2:]], dim=-1)
        numbers = self.mean + self.layers(scaled.flatten(1))
        first, second = numbers[:, :144].unflatten(1, (24, 3, 2)).unbind(-1)
        x = torch.nn.functional.normalize(first, dim=-1)
        y = torch.nn.functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
        return Prediction(torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1), numbers[:, 144:154], numbers[:, 154:])


def posed_joints(rotations, betas):
    """The joints (B, 24, 3) of the body [m], relative to the pelvis."""
    rest = template + torch.einsum("jcb,nb->njc", directions, betas)
    turned, joints = [rotations[:, 0]], [torch.zeros_like(rest[:, 0])]
    for joint, parent in enumerate(body.parents[1:], start=1):
        bone = turned[parent] @ (rest[:, joint] - rest[:, parent])[..., None]
        joints.append(joints[parent] + bone[..., 0])
        turned.append(turned[parent] @ rotations[:, joint])
    return torch.stack(joints, dim=1), rest[:, 0]


def inner_step(
    network, optimizer, store: FitStore, rows: np.ndarray, keypoints: np.ndarray
) -> tuple[float, np.ndarray]:
    """One step of training; returns the loss, and (B,) whether a row got a better fit."""
    observed = torch.tensor(keypoints)
    predicted = network(observed)

    # The fitter starts from what the network says, and the store keeps the result where it lies nearer to the keypoints.
    rotations, betas, weak = (tensor.detach().numpy() for tensor in predicted)
    center, side = np.full((len(rows), 2), SIDE / 2), np.full(len(rows), SIDE)
    init = PredictedBodies.of(pose=rotations, betas=betas).in_crops(weak, center, side)
    fitted = fit(keypoints, layout=layout, image_size=(SIDE, SIDE), camera=FOCAL_LENGTH, init=init)
    pose = np.concatenate([fitted.global_orient, fitted.body_pose], axis=1)
    is_better = store.update_if_better(rows, pose=pose, betas=fitted.betas, transl=fitted.transl)

    # The network learns from the best fit so far, if that is good, and always from the keypoints.
    best = store.get(rows)
    is_valid = torch.tensor(best.loss < MAX_LOSS)[:, None]
    target = torch.tensor(np.array(axis_angle_to_matrix(best.pose.reshape(-1, 24, 3))))
    joints, pelvis = posed_joints(predicted.rotations, predicted.betas)
    target_joints, _ = posed_joints(target, torch.tensor(best.betas))
    place = torch.cat([predicted.weak[:, 1:], 2 * SPIN_FOCAL_SIDES / predicted.weak[:, :1]], dim=1)
    in_camera = joints + (pelvis + place)[:, None]
    pixels = (2 * SPIN_FOCAL_SIDES * in_camera[..., :2] / in_camera[..., 2:])[:, seen_joints]
    error_2d = (pixels - (2 * observed[:, seen, :2] / SIDE - 1)) * observed[:, seen, 2:]
    loss = (
        5.0 * error_2d.square().mean()
        + 5.0 * (is_valid * (joints - target_joints).flatten(1).square()).mean()
        + (is_valid * (predicted.rotations - target).flatten(1).square()).mean()
        + 0.001 * (is_valid * (predicted.betas - torch.tensor(best.betas)).square()).mean()
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach()), is_better


def synthetic_keypoints(rng: np.random.Generator) -> np.ndarray:
    """Detections (N, 17, 3) with 2 px of noise: poses of the shipped prior, people who more or less face the camera."""
    prior = load_prior()
    components = rng.integers(len(prior.means), size=NUM_ROWS)
    pose = [rng.multivariate_normal(prior.means[k], prior.covars[k]) for k in components]
    orient = np.array([np.pi, 0, 0]) + rng.normal(0, 0.2, (NUM_ROWS, 3))
    transl = np.array([0, 0.2, 50]) + rng.normal(0, 0.05, (NUM_ROWS, 3))
    blocks = (orient, np.array(pose), rng.normal(size=(NUM_ROWS, 10)), transl)
    truth = BodyParameters(*(np.asarray(block, np.float32) for block in blocks))
    camera = Camera(np.full(2, FOCAL_LENGTH, np.float32), np.full(2, SIDE / 2, np.float32))
    points = np.asarray(project(body.keypoints(**truth.blocks(), layout=layout), camera))
    return np.dstack([points + rng.normal(0, 2, points.shape), np.ones(points.shape[:2])]).astype(np.float32)


keypoints = synthetic_keypoints(np.random.default_rng(0))
# Before the first visit every row has the body at rest, which any fit beats.
upright = np.zeros((NUM_ROWS, 72), np.float32)
upright[:, 0] = np.pi
store = store_from_arrays(
    "spin_loop.store",
    body,
    pose=upright,
    betas=np.zeros((NUM_ROWS, 10)),
    keypoints=keypoints,
    crop_center=np.full((NUM_ROWS, 2), SIDE / 2),
    crop_side=np.full(NUM_ROWS, SIDE),
    focal_length=SPIN_FOCAL_SIDES,
    layout=layout.name,
)
network = Network()
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
for epoch in range(NUM_EPOCHS):
    loss, is_better = inner_step(network, optimizer, store, np.arange(NUM_ROWS), keypoints)
    print(f"epoch {epoch}: loss {loss:.4f}, better fits in {is_better.mean():.0%} of the rows")
stored = store.get(np.arange(NUM_ROWS))
print(
    f"stored loss: {np.median(stored.loss):.0f} in the median; {np.mean(stored.loss < MAX_LOSS):.0%} of the rows are trusted"
)

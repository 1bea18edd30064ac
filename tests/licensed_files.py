"""Tiny data sets in the formats of Human3.6M, HumanEva-I and 3DPW as people have them, made of known people and known cameras."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
from people import draw_people
from scipy.spatial.transform import Rotation

from benchmarks.datasets.cameras import H36M_CAMERAS, StudioCamera
from benchmarks.datasets.human36m import DISTINCT_JOINTS
from benchmarks.datasets.humaneva import CAMERAS as HUMANEVA_CAMERAS
from smplify_jax.body.load import load_body
from smplify_jax.camera.pinhole import Camera

ANGLES, PLACE_MM = (1.9, -0.4, 2.6), (2044.5, -4935.1, 1481.2)
INTRINSICS = (1145.0, 1143.0, 512.5, 515.4)
DISTORTION = (-0.2, 0.24, -0.001, -0.0014, -0.003)  # k1, k2, p1, p2, k3, about as large as those of studio cameras

H36M_SYMMETRY = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
COCO_SYMMETRY = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
HUMANEVA_SYMMETRY = [[2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]]

FLOAT32_M = 1e-5  # positions are stored in float32: 5 m have steps of 5e-7 m, and there are a few roundings
FLOAT32_PX = 1e-2  # 1000 px have steps of 6e-5 px; the lens and the depth multiply roundings by about a hundred


class Trap:
    """Leaves a file where the pickle is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def studio_camera():
    """The camera of all files here: written out from the formulas, not read."""
    (a, b, c), place = ANGLES, np.array(PLACE_MM) / 1000
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rotation = about_x @ about_y @ about_z
    fx, fy, cx, cy = INTRINSICS
    pinhole = Camera(np.array([fx, fy]), np.array([cx, cy]))
    return StudioCamera(rotation, -rotation @ place, pinhole, np.array(DISTORTION))


def to_world(points_cam, camera):
    return (points_cam - camera.translation) @ camera.rotation


def points_of(parameters, layout):
    return np.asarray(load_body().keypoints(**parameters, layout=layout), np.float64)


def draw_parameters(num_people, seed=0):
    return draw_people(num_people, "smpl24", seed).parameters


def pixels_of(points_cam, pinhole):
    return np.asarray(pinhole.focal_length * points_cam[..., :2] / points_cam[..., 2:] + pinhole.camera_center)


def save_objects(path, trees):
    """Python objects as NumPy archives hold them: `numpy.savez(path, name=tree)`."""
    np.savez_compressed(path, allow_pickle=True, **{name: np.array(tree, object) for name, tree in trees.items()})


def write_metadata_xml(path):
    """The 300 numbers, those of other subjects and cameras being others."""
    w0 = np.arange(300) / 100 + 1.0
    fx, fy, cx, cy = INTRINSICS
    k1, k2, p1, p2, k3 = DISTORTION
    for camera in range(4):
        w0[264 + 9 * camera : 273 + 9 * camera] = fx, fy, cx, cy, k1, k2, k3, p1, p2
    for subject in (9, 11):
        start = 6 * (11 * H36M_CAMERAS.index("60457274") + subject - 1)
        w0[start : start + 6] = *ANGLES, *PLACE_MM
    path.write_text(f"<?xml version='1.0'?>\n<metadata><w0>[{' '.join(repr(float(x)) for x in w0)}]</w0></metadata>")


def write_cameras_json(path, subjects, names):
    camera = studio_camera()
    fx, fy, cx, cy = INTRINSICS
    matrix = [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]
    extrinsic = {"R": camera.rotation.tolist(), "t": (1000 * camera.translation)[:, None].tolist()}
    tree = {
        "intrinsics": {name: {"calibration_matrix": matrix, "distortion": list(DISTORTION)} for name in names},
        "extrinsics": {subject: dict.fromkeys(names, extrinsic) for subject in subjects},
    }
    path.write_text(json.dumps(tree))


def write_human36m(folder, parameters, cut=None):
    """S9 walks and S11 sits; only the frontal camera sees them as they are. Returns the truth of the 17 joints, camera frame."""
    camera = studio_camera()
    truth = points_of(parameters, "h36m17")
    world = np.full((len(truth), 32, 3), 7.0, np.float32)
    world[:, DISTINCT_JOINTS] = to_world(truth, camera)
    seen = camera.distorted(pixels_of(truth, camera.pinhole)).astype(np.float32)[:cut]
    views = [np.zeros_like(seen)] * 3 + [seen]
    actions = {"S9": ("Walking 1",), "S11": ("Sitting", "Sitting 1"), "S1": ("Walking",)}
    everywhere = {subject: dict.fromkeys(names, world) for subject, names in actions.items()}
    save_objects(folder / "data_3d_h36m.npz", {"positions_3d": everywhere})
    detected = {subject: dict.fromkeys(names, views) for subject, names in actions.items()}
    metadata = {"num_joints": 17, "keypoints_symmetry": H36M_SYMMETRY}
    save_objects(folder / "data_2d_h36m_gt.npz", {"positions_2d": detected, "metadata": metadata})
    return truth


def write_humaneva(folder, parameters, layout):
    """S1 boxes in one chunk; C2 has no detections. Returns the truth of the 15 joints, camera frame."""
    camera = studio_camera()
    truth = points_of(parameters, layout)
    seen = camera.distorted(pixels_of(truth, camera.pinhole)).astype(np.float32)
    world = to_world(truth, camera).astype(np.float32)
    subject, chunk = "Validate/S1", "Box 1 chunk0"
    everywhere = {subject: {chunk: world}, "Train/S1": {chunk: world}}
    save_objects(folder / "data_3d_humaneva15.npz", {"positions_3d": everywhere})
    detected = {subject: {chunk: [seen, None, seen]}}
    metadata = {"layout_name": "humaneva15", "num_joints": 15, "keypoints_symmetry": HUMANEVA_SYMMETRY}
    save_objects(folder / "data_2d_humaneva15_gt.npz", {"positions_2d": detected, "metadata": metadata})
    write_cameras_json(folder / "camera-parameters.json", ["S1"], HUMANEVA_CAMERAS)
    return truth


def threedpw_sequence(parameters, num_people=2, seed=0):
    """The dict of a sequence file, and the true 24 joints (N, 24, 3) in the camera frame, the same for every person.

    The world is the camera's frame seen from a camera that moves.
    """
    rng = np.random.default_rng(seed)
    truth, openpose = points_of(parameters, "smpl24"), points_of(parameters, "openpose18")
    num_frames = len(truth)
    rotation = Rotation.from_rotvec(rng.normal(size=(num_frames, 3))).as_matrix()
    translation = rng.normal(size=(num_frames, 3))
    cam_poses = np.tile(np.eye(4), (num_frames, 1, 1))
    cam_poses[:, :3, :3], cam_poses[:, :3, 3] = rotation, translation
    world = np.einsum("nba,njb->nja", rotation, truth - translation[:, None])
    matrix = np.array([[1961.85, 0, 540.0], [0, 1969.23, 960.0], [0, 0, 1]])
    seen = pixels_of(openpose, Camera(np.diag(matrix)[:2], matrix[:2, 2]))
    poses2d = np.concatenate([seen, np.full((*seen.shape[:2], 1), 0.9)], axis=-1).transpose(0, 2, 1)
    content = {
        "sequence": "downtown_test_00",
        "genders": ["m", "f"][:num_people],
        "poses2d": [poses2d.copy() for _ in range(num_people)],
        "jointPositions": [world.reshape(num_frames, 72) for _ in range(num_people)],
        "campose_valid": [np.ones(num_frames, np.int64) for _ in range(num_people)],
        "cam_poses": cam_poses,
        "cam_intrinsics": matrix,
        "poses": [rng.normal(0, 0.3, (num_frames, 72)) for _ in range(num_people)],
        "trans": [rng.normal(size=(num_frames, 3)) for _ in range(num_people)],
        "betas": [rng.normal(size=300) for _ in range(num_people)],
    }
    return content, truth


def write_threedpw(folder, content, split="test"):
    target = folder / "sequenceFiles" / split
    target.mkdir(parents=True)
    path = target / f"{content['sequence']}.pkl"
    path.write_bytes(pickle.dumps(content, protocol=2))  # as Python 2 wrote the originals
    return path

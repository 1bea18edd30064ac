"""People's true bodies in the files and conventions of networks, as their documentation describes them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from keypoint_files import write_json
from people import IMAGE_SIZE, People

from smplify_jax import rotations
from smplify_jax.camera.conversions import weak_perspective_in_crop

CENTER = np.array(IMAGE_SIZE) / 2
DIAGONAL = float(np.hypot(*IMAGE_SIZE))


def poses(people: People) -> np.ndarray:
    return np.concatenate([people.parameters["global_orient"], people.parameters["body_pose"]], axis=1)


def matrices(people: People) -> np.ndarray:
    return np.asarray(rotations.axis_angle_to_matrix(poses(people).reshape(-1, 24, 3)))


def boxes(people: People) -> np.ndarray:
    """(N, 3) centres and sides of square crops with a margin."""
    low, high = people.keypoints[..., :2].min(axis=1), people.keypoints[..., :2].max(axis=1)
    return np.concatenate([(low + high) / 2, 1.2 * (high - low).max(axis=1, keepdims=True)], axis=1)


def weak(people: People) -> np.ndarray:
    """(N, 3) s, tx, ty in these crops."""
    crops = boxes(people)
    transl = people.parameters["transl"]
    return weak_perspective_in_crop(transl, crops[:, :2], crops[:, 2], people.focal_length, CENTER).astype(np.float32)


def far(people: People, focal_length: float) -> np.ndarray:
    """(N, 3) translations under another focal length."""
    transl = people.parameters["transl"].copy()
    transl[:, 2] *= focal_length / people.focal_length
    return transl


def write_keypoints(path: Path, people: People, *, is_video: bool = False) -> Path:
    """COCO's results, a picture for each two people; or MMPose's list of frames."""
    names = [f"video_{n // 2:06d}.jpg" for n in range(len(people.keypoints))]
    images = [
        {"id": n, "file_name": name, "width": IMAGE_SIZE[0], "height": IMAGE_SIZE[1]}
        for n, name in enumerate(dict.fromkeys(names))
    ]
    annotations = [
        {"id": n, "image_id": n // 2, "category_id": 1, "keypoints": (one * [1, 1, 2]).ravel().tolist()}
        for n, one in enumerate(people.keypoints)
    ]
    return write_json(path, {"images": images, "annotations": annotations})


def tracks(people: People, order: np.ndarray) -> dict[int, dict[str, Any]]:
    """VIBE's and PyMAF's dict: person k of frame n has the id 7 + k."""
    return {
        7 + k: {
            "pred_cam": weak(people)[order][k::2],
            "orig_cam": np.zeros((len(order) // 2, 4), np.float32),
            "verts": np.zeros((len(order) // 2, 1, 3), np.float32),
            "pose": poses(people)[order][k::2],
            "betas": people.parameters["betas"][order][k::2],
            "joints2d": None,
            "bboxes": np.repeat(boxes(people), [1, 1, 2], axis=1)[order][k::2],
            "frame_ids": np.arange(len(order) // 2),
        }
        for k in range(2)
    }


def wham(people: People, order: np.ndarray) -> dict[int, dict[str, Any]]:
    return {
        k: {
            "pose": poses(people)[order][k::2],
            "trans": far(people, DIAGONAL)[order][k::2],
            "pose_world": np.zeros((len(order) // 2, 72)),
            "trans_world": np.zeros((len(order) // 2, 3)),
            "betas": people.parameters["betas"][order][k::2],
            "verts": np.zeros((len(order) // 2, 1, 3)),
            "frame_ids": np.arange(len(order) // 2),
        }
        for k in range(2)
    }


def phalp(people: People, order: np.ndarray) -> dict[str, dict[str, Any]]:
    """A frame has its two people in this order, and a ghost of somebody who is not seen."""
    turned, cameras = matrices(people), far(people, 5000 / 256 * max(IMAGE_SIZE))
    crops = boxes(people)
    corners = np.concatenate([crops[:, :2] - crops[:, 2:] / 2, crops[:, [2, 2]]], axis=1)
    frames = {}
    for n in range(len(order) // 2):
        some = [*order[2 * n : 2 * n + 2], order[0]]
        frames[f"outputs/img/video_{n:06d}.jpg"] = {
            "time": n,
            "shot": 0,
            "frame_path": f"outputs/img/video_{n:06d}.jpg",
            "tid": [1, 2, 3],
            "tracked_ids": [1, 2],
            "tracked_time": [0, 0, 4],
            "bbox": [corners[k] for k in some],
            "camera": [cameras[k] for k in some],
            "size": [[IMAGE_SIZE[1], IMAGE_SIZE[0]]] * 3,
            "smpl": [
                {
                    "global_orient": turned[k, :1],
                    "body_pose": turned[k, 1:],
                    "betas": people.parameters["betas"][k],
                }
                for k in some
            ],
            "mask": [None] * 3,
            "conf": [0.9] * 3,
        }
    return frames


def hmr2(people: People, order: np.ndarray) -> dict[str, Any]:
    turned, crops = matrices(people)[order], boxes(people)[order]
    return {
        "imgname": [f"video_{k // 2:06d}.jpg" for k in order],
        "pred_smpl_params": {
            "global_orient": turned[:, :1],
            "body_pose": turned[:, 1:],
            "betas": people.parameters["betas"][order],
        },
        "pred_cam": weak(people)[order],
        "pred_cam_t_full": far(people, 5000 / 256 * max(IMAGE_SIZE))[order],
        "scaled_focal_length": 5000 / 256 * max(IMAGE_SIZE),
        "box_center": crops[:, :2],
        "box_size": crops[:, 2],
    }


def flat_hmr2(people: People, order: np.ndarray) -> dict[str, Any]:
    found = hmr2(people, order)
    return found | found.pop("pred_smpl_params")


def cliff(people: People, order: np.ndarray) -> dict[str, Any]:
    """Its pictures once each; which one a row is of is the first number of its detection."""
    crops = boxes(people)[order]
    low, high = crops[:, :2] - crops[:, 2:] / 2, crops[:, :2] + crops[:, 2:] / 2
    return {
        "imgname": [f"data/video_{n:06d}.jpg" for n in range(len(order) // 2)],
        "pose": poses(people)[order],
        "shape": people.parameters["betas"][order],
        "global_t": far(people, DIAGONAL)[order],
        "pred_joints": np.zeros((len(order), 24, 3)),
        "focal_l": np.full(len(order), DIAGONAL),
        "detection_all": np.concatenate([order[:, None] // 2, low, high, np.ones((len(order), 3))], axis=1),
    }


def spin(people: People, order: np.ndarray) -> dict[str, Any]:
    crops = boxes(people)[order]
    return {
        "imgname": [f"video_{k // 2:06d}.jpg" for k in order],
        "center": crops[:, :2],
        "scale": crops[:, 2] / 200,
        "pose": poses(people)[order],
        "shape": people.parameters["betas"][order],
        "has_smpl": np.ones(len(order)),
    }


def spin_results(people: People, order: np.ndarray) -> dict[str, Any]:
    """SPIN's `--result_file`: in the data set's order, whatever that of the predictions in other files is."""
    return {
        "pred_joints": np.zeros((len(order), 24, 3)),
        "pose": poses(people),
        "betas": people.parameters["betas"],
        "camera": weak(people),
    }


def pare(people: People, order: np.ndarray) -> list[dict[str, Any]]:
    """A dict for each person of a picture, as PARE saves folders of pictures."""
    turned, crops = matrices(people), np.repeat(boxes(people), [1, 1, 2], axis=1)
    return [
        {
            "img_name": f"video_{k // 2:06d}.jpg",
            "pred_pose": turned[k : k + 1],
            "pred_shape": people.parameters["betas"][k : k + 1],
            "pred_cam": weak(people)[k : k + 1],
            "bboxes": crops[k],
        }
        for k in order
    ]


WRITTEN = {
    "vibe": tracks,
    "wham": wham,
    "phalp": phalp,
    "hmr2": hmr2,
    "hmr2 flat": flat_hmr2,
    "cliff": cliff,
    "spin": spin,
    "spin results": spin_results,
    "pare": pare,
}
"""Program to what it saves of people, two of whom are in each picture, in the given order."""


def write_pickle(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path

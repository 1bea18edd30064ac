"""Valid files of what lies in space: calibrated cameras, points, and points on the body's surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.corpus import SIZE, as_json, npy, npz

_RANDOM = np.random.default_rng(0)


def calibrations(folder: Path) -> list[bytes]:
    """Two cameras in TOML, in OpenCV's JSON and YAML, in an archive, and in Qualisys' XML."""
    # Here, because they load JAX, which most targets do without.
    from smplify_jax.camera.calibrated import CalibratedCamera
    from smplify_jax.camera.calibration import save_calibration
    from smplify_jax.camera.pinhole import Camera

    matrix, distortion = np.array([[1200.0, 0, 320], [0, 1200, 240], [0, 0, 1]]), np.array([-0.05, 0.02, 0, 0, 0.003])
    places = {"a": np.array([0.0, 0, 4]), "b": np.array([0.5, 0, 4])}
    save_calibration(
        folder / "rig.toml",
        [
            CalibratedCamera(Camera(np.full(2, 1200.0), np.array([320.0, 240])), np.eye(3), t, name=n)
            for n, t in places.items()
        ],
    )
    shared = {"camera_matrix": matrix, "distortion_coefficients": distortion[None], "rotation_matrix": np.eye(3)}
    in_json = {
        name: {key: _opencv(value) for key, value in (shared | {"tvec": place[:, None]}).items()}
        | {"image_width": SIZE[0], "image_height": SIZE[1]}
        for name, place in places.items()
    }
    twice = {"K": np.stack([matrix] * 2), "R": np.stack([np.eye(3)] * 2), "t": np.stack(list(places.values()))}
    in_yaml = "%YAML:1.0\n---\n" + "".join(
        f"{key}: !!opencv-matrix\n   rows: {len(value)}\n   cols: {value.shape[1]}\n   dt: d\n   data: {value.ravel().tolist()}\n"
        for key, value in (shared | {"tvec": places["a"][:, None]}).items()
    )
    turned = " ".join(f'r{i + 1}{k + 1}="{float(i == k)}"' for i in range(3) for k in range(3))
    in_xml = "".join(
        f'<camera active="1" model="Miqus Video" serial="{name}" viewrotation="0"><fov_video left="0" top="0" right="639" bottom="479"/>'
        f'<transform {turned} x="{1000 * place[0]}" y="0" z="4000"/><intrinsic centerPointU="20480" centerPointV="15360" '
        'focalLengthU="76800" focalLengthV="76800" radialDistortion1="0" radialDistortion2="0" radialDistortion3="0" '
        'tangentalDistortion1="0" tangentalDistortion2="0"/></camera>'
        for name, place in places.items()
    )
    xml = f"<?xml version='1.0'?>\n<calibration><cameras>{in_xml}</cameras></calibration>".encode()
    archive = npz(**twice, names=np.array(list(places)))
    return [(folder / "rig.toml").read_bytes(), as_json(in_json), in_yaml.encode(), archive, xml]


def _opencv(matrix: np.ndarray) -> dict[str, Any]:
    rows, cols = matrix.shape
    return {"type_id": "opencv-matrix", "rows": rows, "cols": cols, "dt": "d", "data": matrix.ravel().tolist()}


def _standing(count: int) -> np.ndarray:
    """(count, 4) points of about the size of a person, z up."""
    places = _RANDOM.uniform((-0.3, -0.2, 0.0), (0.3, 0.2, 1.7), (count, 3))
    return np.concatenate([np.round(places, 3), np.ones((count, 1))], axis=1)


def points() -> list[bytes]:
    """Points in space: `.trc`, arrays, EasyMocap's and CMU Panoptic's JSON."""
    markers = ("Hip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "Neck", "Nose", "LShoulder", "RShoulder")
    lines = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"60\t60\t2\t{len(markers)}\tm\t60\t1\t2",
        "Frame#\tTime\t" + "\t\t\t".join(markers),
        "\t\t" + "\t".join(f"{axis}{k}" for k in range(len(markers)) for axis in "XYZ"),
        *("\t".join(map(str, [k, k / 60, *_standing(len(markers))[:, :3].ravel()])) for k in range(2)),
    ]
    body25, joints19 = _standing(25).tolist(), (100 * _standing(19)).ravel().tolist()
    return [
        "\n".join(lines).encode(),
        npz(joints=np.stack([_standing(24)] * 2), fps=30, unit="m", names=np.array([f"p{k}" for k in range(24)])),
        npy(_standing(24)[:, :3]),
        as_json([{"id": 0, "keypoints3d": body25}, {"id": 3, "keypoints3d": body25}]),
        as_json({"version": 0.7, "fpsType": "hd_29_97", "bodies": [{"id": 0, "joints19": joints19}]}),
    ]


def surface_points() -> list[bytes]:
    """Correspondences with the open body's surface."""
    sparse = {"format": np.array("csr"), "shape": np.array([2, 90]), "data": np.array([1.0, 0.5, 0.5])}
    return [
        npz(triangles=np.array([3, 8]), barycentric=np.array([[1, 0, 0], [0.5, 0.25, 0.25]]), source=np.array([0, 5])),
        npz(**sparse, indices=np.array([4, 5, 80]), indptr=np.array([0, 1, 3])),
        as_json({"vertices": [[3, 4], [5, 6]], "weights": [[0.5, 0.5], [1, 0]], "std": [0, 0.03]}),
        b"vertex,source\n12,0\n13,4\n",
    ]

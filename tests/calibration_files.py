"""One rig as each program would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from rigs import ring

RIG = ring(3, distortion=(-0.05, 0.02, 1e-3, -5e-4, 0.003))
NAMES = tuple(camera.name for camera in RIG)


def opencv_matrix(array) -> str:
    array = np.atleast_2d(np.asarray(array, float))
    numbers = ", ".join(map(repr, array.ravel().tolist()))
    half = numbers.find(" ", len(numbers) // 2)
    wrapped = numbers if half < 0 else f"{numbers[:half]}\n      {numbers[half + 1 :]}"
    return f"!!opencv-matrix\n   rows: {array.shape[0]}\n   cols: {array.shape[1]}\n   dt: d\n   data: [ {wrapped} ]\n"


def yaml_of(values: Mapping[str, object]) -> str:
    names = "names:\n" + "".join(f'   - "{name}"\n' for name in NAMES)
    return "%YAML:1.0\n---\n" + names + "".join(f"{key}: {opencv_matrix(value)}" for key, value in values.items())


def easymocap_intrinsics() -> str:
    return yaml_of({f"K_{c.name}": c.matrix for c in RIG} | {f"dist_{c.name}": c.distortion[None, :5] for c in RIG})


def easymocap_places() -> str:
    matrices = {f"Rot_{c.name}": c.rotation for c in RIG}
    return yaml_of(matrices | {f"T_{c.name}": np.reshape(c.translation, (3, 1)) for c in RIG})


def panoptic_json() -> str:
    cameras = [
        {
            "name": c.name,
            "type": "hd",
            "resolution": c.image_size.tolist(),
            "K": c.matrix.tolist(),
            "distCoef": c.distortion[:5].tolist(),
            "R": c.rotation.tolist(),
            "t": [[number * 100] for number in c.translation],
        }
        for c in RIG
    ]
    return json.dumps({"calibDataSource": "test", "cameras": cameras})


def opencv_json() -> str:
    def matrix(array):
        array = np.atleast_2d(array)
        rows, cols = array.shape
        return {"type_id": "opencv-matrix", "rows": rows, "cols": cols, "dt": "d", "data": array.ravel().tolist()}

    cameras = {
        c.name: {
            "camera_matrix": matrix(c.matrix),
            "distortion_coefficients": matrix(c.distortion),
            "rotation_matrix": matrix(c.rotation),
            "tvec": matrix(np.reshape(c.translation, (3, 1))),
            "image_width": c.image_size[0],
            "image_height": c.image_size[1],
        }
        for c in RIG
    }
    return json.dumps(cameras)


def qualisys() -> str:
    cameras = []
    for c in RIG:
        rows = (np.multiply(c.rotation, [[1], [-1], [-1]])).tolist()
        place = -c.rotation.T @ c.translation * 1000
        k = c.distortion
        transform = " ".join(f'r{i + 1}{j + 1}="{rows[i][j]!r}"' for i in range(3) for j in range(3))
        place = " ".join(f'{axis}="{number!r}"' for axis, number in zip("xyz", place.tolist(), strict=True))
        cameras.append(
            f'<camera active="1" model="Miqus Video" serial="{c.name}" viewrotation="0">'
            f'<fov_video left="0" top="0" right="{c.image_size[0] - 1}" bottom="{c.image_size[1] - 1}"/>'
            f"<transform {transform} {place}/>"
            f'<intrinsic centerPointU="{c.matrix[0, 2] * 64}" centerPointV="{c.matrix[1, 2] * 64}" '
            f'focalLengthU="{c.matrix[0, 0] * 64}" focalLengthV="{c.matrix[1, 1] * 64}" '
            f'radialDistortion1="{k[0]}" radialDistortion2="{k[1]}" radialDistortion3="{k[4]}" '
            f'tangentalDistortion1="{k[2]}" tangentalDistortion2="{k[3]}"/></camera>'
        )
    marker = '<camera model="Oqus 300+" serial="marker camera"></camera>'
    return f"<?xml version='1.0'?>\n<calibration><cameras>{marker}{''.join(cameras)}</cameras></calibration>"


def stacked() -> dict[str, np.ndarray]:
    return {
        "K": np.array([c.matrix for c in RIG]),
        "R": np.array([c.rotation for c in RIG]),
        "t": np.array([c.translation for c in RIG]),
        "dist": np.array([c.distortion for c in RIG]),
        "image_size": np.array([c.image_size for c in RIG]),
        "names": np.array(NAMES),
    }

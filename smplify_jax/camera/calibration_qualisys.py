"""Qualisys' calibration, `.qca.txt`: XML with a camera's field of view, place and lens.

    <calibration ...><cameras><camera serial="26578" model="Miqus Video" ...>
      <fov_video left="0" top="0" right="1919" bottom="1087"/>
      <transform x="1460.2" y="-1909.2" z="1896.5" r11="0.55" r12="0.80" ... r33="0.38"/>
      <intrinsic focalLengthU="107599.7" centerPointU="34110.3" radialDistortion1="-0.046" tangentalDistortion1="0.0006" .../>

Its conventions, and what becomes of them:

- focal lengths and principal points are in 64ths of a pixel of the sensor: divided by 64. The principal point counts from the sensor's
  corner: less the left and top of `fov_video`. Videos of another resolution than the sensor's 1080 lines (`video_resolution`) are scaled.
- x, y, z is where the camera stands [mm]; r11 to r33, row by row, turn the world's axes to a camera that looks along its negative z with
  y up. OpenCV's looks along z with y down: the second and third row change sign, and t = -R C.
- radialDistortion1, 2, 3 and tangentalDistortion1, 2 are OpenCV's k1, k2, k3, p1, p2, of coordinates in units of the focal length. They are
  not in 64ths: divided by 64, as some converters do, they leave the lens's distortion in.

Marker cameras make no pictures: where the file has cameras whose model says "video" or is "none", the others are left out.
Source: Pose2Sim's documentation of how it converts these files; its recording of four cameras, of which the tests look at people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np

from smplify_jax.camera.calibrated import CalibratedCamera, calibrated_camera
from smplify_jax.errors import InputError
from smplify_jax.files.printable import printable

_UNITS_PER_PIXEL = 64.0
_METRES_PER_UNIT = 1e-3
_SENSOR_LINES = 1080.0
_DISTORTION = (
    *("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2"),
    "radialDistortion3",
)


def cameras_of_qualisys(text: str) -> list[CalibratedCamera]:
    """The video cameras of a calibration, in its order, named by their serials.

    Raises:
        InputError: it is damaged, no calibration of Qualisys, or a camera lacks something; the end of a sentence about the file.
    """
    if (
        "<!DOCTYPE" in text or "<!ENTITY" in text
    ):  # entities are how XML is used to attack readers; Qualisys writes none
        raise InputError("it has a document type, which Qualisys does not write")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"it is damaged or cut-off XML ({error})") from None
    cameras = root.findall("cameras/camera")
    videos = [camera for camera in cameras if _makes_video(camera)] or cameras
    if not videos:
        raise InputError("it is XML without cameras: expected Qualisys' <calibration> with <cameras>")
    return [_camera(camera, number) for number, camera in enumerate(videos)]


def _makes_video(camera: ElementTree.Element) -> bool:
    model = camera.get("model", "none").lower()
    return "video" in model or model in ("none", "")


def _camera(camera: ElementTree.Element, number: int) -> CalibratedCamera:
    name = printable(camera.get("serial") or str(number))
    try:
        return _calibrated(camera, name)
    except InputError as error:
        raise InputError(f"camera {name!r}: {error}") from None


def _calibrated(camera: ElementTree.Element, name: str) -> CalibratedCamera:
    intrinsic, transform = _part(camera, "intrinsic"), _part(camera, "transform")
    scale = _video_scale(camera.get("video_resolution", ""))
    corner, size = _field_of_view(camera.find("fov_video"))
    focal = [_number(intrinsic, f"focalLength{axis}") / _UNITS_PER_PIXEL for axis in "UV"]
    center = np.array([_number(intrinsic, f"centerPoint{axis}") / _UNITS_PER_PIXEL for axis in "UV"]) - corner
    rows = np.array([[_number(transform, f"r{row}{column}") for column in "123"] for row in "123"])
    rotation = rows * np.array([[1.0], [-1.0], [-1.0]])
    position = np.array([_number(transform, axis) for axis in "xyz"]) * _METRES_PER_UNIT
    return calibrated_camera(
        matrix=np.concatenate([focal, center]) * scale,
        rotation=rotation,
        translation=-rotation @ position,
        distortion=[_number(intrinsic, key, 0.0) for key in _DISTORTION],
        image_size=size * scale,
        name=name,
    )


def _part(camera: ElementTree.Element, tag: str) -> Mapping[str, str]:
    part = camera.find(tag)
    if part is None:
        raise InputError(f"its <{tag}> is missing; the file is damaged, or the camera was not calibrated")
    return part.attrib


def _field_of_view(view: ElementTree.Element | None) -> tuple[np.ndarray, np.ndarray]:
    """Upper left corner and size [px of the sensor]; a size that is not known is NaN."""
    if view is None:
        return np.zeros(2), np.full(2, np.nan)
    corner = np.array([_number(view.attrib, "left"), _number(view.attrib, "top")])
    return corner, np.array([_number(view.attrib, "right"), _number(view.attrib, "bottom")]) + 1 - corner


def _video_scale(resolution: str) -> float:
    """Pixels of the video per pixel of the sensor: "720p" of 1080 lines."""
    lines = re.fullmatch(r"([0-9]{2,4})[pi]?", resolution)
    return float(lines[1]) / _SENSOR_LINES if lines else 1.0


def _number(attributes: Mapping[str, str], key: str, default: float | None = None) -> float:
    text = attributes.get(key)
    if text is None:
        if default is not None:
            return default
        raise InputError(f"'{key}' is missing; the file is damaged, or the camera was not calibrated")
    try:
        return float(text)
    except ValueError:
        raise InputError(f"'{key}' is {printable(text, 20)!r}; expected a number") from None

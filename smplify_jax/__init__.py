"""Fit the SMPL body to 2D keypoints: SMPLify in JAX.

from smplify_jax import fit
result = fit(keypoints, layout="coco17", image_size=(1280, 720))
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from smplify_jax.moved import MovedModules

if TYPE_CHECKING:
    from smplify_jax.body.capsule_files import with_capsules
    from smplify_jax.body.capsules import Capsules
    from smplify_jax.body.load import load_body
    from smplify_jax.body.model import BodyModel
    from smplify_jax.body.parameters import BodyParameters
    from smplify_jax.body.penetration import penetration_depth
    from smplify_jax.body.regressors import with_regressor
    from smplify_jax.body.save import save_body
    from smplify_jax.body.surface_correspondence import SurfacePoints
    from smplify_jax.body.surface_files import load_surface_points
    from smplify_jax.camera.calibrated import CalibratedCamera
    from smplify_jax.camera.calibration import load_calibration
    from smplify_jax.camera.pinhole import Camera, project
    from smplify_jax.camera.triangulation import triangulate
    from smplify_jax.detectors.detect import detect
    from smplify_jax.errors import InputError
    from smplify_jax.execution.devices import use_all_cores
    from smplify_jax.fitting.fit import fit
    from smplify_jax.fitting.points import fit_points
    from smplify_jax.fitting.problem import FitProblem, FitSolution, prepare_solve
    from smplify_jax.fitting.profiles import PROFILES
    from smplify_jax.fitting.sequence import fit_sequence
    from smplify_jax.fitting.solve import solve
    from smplify_jax.fitting.stages import Profile, Round
    from smplify_jax.fitting.views import fit_views
    from smplify_jax.keypoints.keypoint_set import KeypointSet
    from smplify_jax.keypoints.layouts import LAYOUTS, Layout, get_layout
    from smplify_jax.keypoints.load import load_keypoints
    from smplify_jax.keypoints.matching import match_people
    from smplify_jax.keypoints.points3d.load import PointTrack, load_points
    from smplify_jax.keypoints.tracks import KeypointTrack, find_tracks
    from smplify_jax.measurements.measured import Measurements, measure_body
    from smplify_jax.media.photo import PhotoFit, fit_photo
    from smplify_jax.media.video import fit_video
    from smplify_jax.predictions.bodies import PredictedBodies
    from smplify_jax.predictions.load import load_init
    from smplify_jax.prior.load import load_prior
    from smplify_jax.prior.mixture import PosePrior
    from smplify_jax.result import FitResult, FitStatus

__version__ = "0.2.0"

# Public names are imported when they are first used: JAX takes a second to import, and `smplify-fit --help` needs none of it.
_HOMES = {
    "LAYOUTS": "keypoints.layouts",
    "PROFILES": "fitting.profiles",
    "BodyModel": "body.model",
    "BodyParameters": "body.parameters",
    "CalibratedCamera": "camera.calibrated",
    "Camera": "camera.pinhole",
    "Capsules": "body.capsules",
    "FitProblem": "fitting.problem",
    "FitResult": "result",
    "FitSolution": "fitting.problem",
    "FitStatus": "result",
    "InputError": "errors",
    "KeypointSet": "keypoints.keypoint_set",
    "KeypointTrack": "keypoints.tracks",
    "Layout": "keypoints.layouts",
    "Measurements": "measurements.measured",
    "PhotoFit": "media.photo",
    "PointTrack": "keypoints.points3d.load",
    "PosePrior": "prior.mixture",
    "PredictedBodies": "predictions.bodies",
    "Profile": "fitting.stages",
    "Round": "fitting.stages",
    "SurfacePoints": "body.surface_correspondence",
    "detect": "detectors.detect",
    "find_tracks": "keypoints.tracks",
    "fit": "fitting.fit",
    "fit_photo": "media.photo",
    "fit_points": "fitting.points",
    "fit_sequence": "fitting.sequence",
    "fit_video": "media.video",
    "fit_views": "fitting.views",
    "get_layout": "keypoints.layouts",
    "load_body": "body.load",
    "load_calibration": "camera.calibration",
    "load_init": "predictions.load",
    "load_keypoints": "keypoints.load",
    "load_points": "keypoints.points3d.load",
    "load_prior": "prior.load",
    "load_surface_points": "body.surface_files",
    "match_people": "keypoints.matching",
    "measure_body": "measurements.measured",
    "penetration_depth": "body.penetration",
    "prepare_solve": "fitting.problem",
    "project": "camera.pinhole",
    "save_body": "body.save",
    "solve": "fitting.solve",
    "triangulate": "camera.triangulation",
    "use_all_cores": "execution.devices",
    "with_capsules": "body.capsule_files",
    "with_regressor": "body.regressors",
}

__all__ = [
    "LAYOUTS",
    "PROFILES",
    "BodyModel",
    "BodyParameters",
    "CalibratedCamera",
    "Camera",
    "Capsules",
    "FitProblem",
    "FitResult",
    "FitSolution",
    "FitStatus",
    "InputError",
    "KeypointSet",
    "KeypointTrack",
    "Layout",
    "Measurements",
    "PhotoFit",
    "PointTrack",
    "PosePrior",
    "PredictedBodies",
    "Profile",
    "Round",
    "SurfacePoints",
    "detect",
    "find_tracks",
    "fit",
    "fit_photo",
    "fit_points",
    "fit_sequence",
    "fit_video",
    "fit_views",
    "get_layout",
    "load_body",
    "load_calibration",
    "load_init",
    "load_keypoints",
    "load_points",
    "load_prior",
    "load_surface_points",
    "match_people",
    "measure_body",
    "penetration_depth",
    "prepare_solve",
    "project",
    "save_body",
    "solve",
    "triangulate",
    "use_all_cores",
    "with_capsules",
    "with_regressor",
]


sys.meta_path.insert(0, MovedModules())  # before Python's own finder, which would load a moved package's modules twice


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'smplify_jax' has no attribute {name!r}")
    return getattr(import_module(f"smplify_jax.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Tiny motion folders on a skeleton that has every bone the readers ask for."""

from __future__ import annotations

from collections.abc import Callable
from math import sin
from pathlib import Path

from smplify_jax.learn.mocap import conventions

_CHAINS = """
root lowerback lfemur rfemur
lowerback upperback
upperback thorax
thorax lowerneck lclavicle rclavicle
lowerneck head
lclavicle lhumerus
lhumerus lradius
lradius lhand
rclavicle rhumerus
rhumerus rradius
rradius rhand
lfemur ltibia
ltibia lfoot
lfoot ltoes
rfemur rtibia
rtibia rfoot
rfoot rtoes
"""

BONES = tuple(name for name in conventions.ASF.joints.values() if name != "root")

BONE_LENGTH = 2.0
"""In the file's unit; every bone hangs down in the zero pose, so a leg measures two of them."""


def write_skeleton(path: Path) -> None:
    """An ASF whose limbs all hang down; every bone turns about its x axis."""
    block = f"begin\nid 1\nname {{}}\ndirection 0 -1 0\nlength {BONE_LENGTH}\naxis 0 0 0 XYZ\ndof rx\nend\n"
    text = ":root\norder TX TY TZ RX RY RZ\n:bonedata\n" + "".join(block.format(bone) for bone in BONES)
    path.write_text(text + f":hierarchy\nbegin{_CHAINS}end\n")


def write_clip(
    path: Path, num_frames: int, root: Callable[[int], tuple[float, ...]], bone: Callable[[int, str], float]
) -> None:
    """An AMC: per frame the root's six numbers, and each bone's angle [degrees]."""
    lines = [":DEGREES"]
    for frame in range(num_frames):
        lines += [str(frame + 1), "root " + " ".join(f"{value:.6f}" for value in root(frame))]
        lines += [f"{name} {bone(frame, name):.6f}" for name in BONES]
    path.write_text("\n".join(lines) + "\n")


def write_video_folder(folder: Path) -> Path:
    """Actor 1 glides by two leg lengths in 3 s without moving a limb; actor 2 sways, in clips of two actions of 2.3 s."""
    for subject in ("001", "002"):
        write_skeleton(folder / f"{subject}.asf")
    write_clip(folder / "glide.amc", 91, lambda n: (0, 0, 4 * BONE_LENGTH * n / 90, 0, 30, 0), lambda *_: 5.0)
    for name in ("sway", "rock"):
        write_clip(folder / f"{name}.amc", 70, lambda n: (0, n / 200, 0, 0, n / 10, 0), lambda n, _: 5 * sin(n / 15))
    rows = ["glide.amc,1,glide,asf,train,30", "sway.amc,2,sway,asf,train,30", "rock.amc,2,rock,asf,train,30"]
    (folder / "manifest.csv").write_text("\n".join(["file,subject,action,convention,split,fps", *rows]) + "\n")
    return folder

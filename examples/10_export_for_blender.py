"""
Export bodies for Blender and other programs
============================================

The suffix of a file says its format. In Blender, *File › Import › glTF 2.0* opens `person.glb` with skeleton and
skin, and *BVH* opens the skeleton alone. The example writes `person.glb`, `person.bvh`, `person.obj`, `person.ply`,
`person.smpl` and `export_for_blender.png` to the current folder.

Run it with `python examples/10_export_for_blender.py`.
"""

from pathlib import Path

import numpy as np
import trimesh

from smplify_jax import fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS
from smplify_jax.files.images import save_image
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.views import contact_sheet, render_views

people = load_keypoints(EXAMPLE_KEYPOINTS)
result = fit(people.keypoints[0], layout=people.layout, image_size=(512, 640))

# %%
# What `fit_sequence` returns is a motion: its GLB and BVH move, and `motion.npz` would have AMASS's arrays.

for path in map(Path, ("person.glb", "person.bvh", "person.obj", "person.ply", "person.smpl")):
    result.export(path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")

# %%
# Files stand upright: x right, y up, z towards the camera, which is at the origin. `mesh()` is the same mesh in
# Python; here it is put on a floor at y = 0.

mesh = result.mesh()
mesh.apply_translation([0, -mesh.bounds[0, 1], 0])
print(f"watertight: {mesh.is_watertight}; from y = {mesh.bounds[0, 1]:.2f} m to {mesh.bounds[1, 1]:.2f} m")

# %%
# The file read back by another program (trimesh), from all sides.

read = trimesh.load_mesh("person.ply")
pictures = render_views(
    np.asarray(read.vertices), np.asarray(read.faces), (0, 60, 120, 180), (200, 360), color=BODY_COLOR
)
save_image("export_for_blender.png", contact_sheet(pictures, 4, labels=["front", "60°", "120°", "back"]))

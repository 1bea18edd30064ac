"""Bodies of the SMPL family: the model, its kinematics, its keypoints and capsules, and their files."""

"""Read motion capture and keyframed animation, and retarget it to the SMPL joints."""

"""Parts of the synthetic videos of `smplify_jax.learn.tracks`: windows of recordings, cameras, and detections over time."""

"""Pictures of fitted bodies: ray-cast renderings and overlays, without OpenGL or a display."""

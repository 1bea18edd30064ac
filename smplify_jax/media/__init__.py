"""From pictures and videos to bodies: detection and fit in one call."""

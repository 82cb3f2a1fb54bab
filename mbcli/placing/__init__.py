"""From image units to metres: the size of the body, and its place in front of the camera."""

"""From image units to metres: the size of the body and its position in front of the camera."""

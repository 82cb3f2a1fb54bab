"""2D keypoint tracks to 3D poses: the network, its weights, and the windows around it."""

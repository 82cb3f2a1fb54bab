"""Where the keypoints that people mark lie on bodies."""

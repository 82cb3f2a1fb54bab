"""From a video, a keypoint file or both to 2D keypoint tracks, the input of the lifter."""

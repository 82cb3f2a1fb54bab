"""Published data sets with 2D keypoints, read into sequence stores: one module per data set."""

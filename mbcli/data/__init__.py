"""Motion data for training: recordings, data sets and the stores they are imported into."""

"""Training: configuration, synthetic data, corruption, losses and the loop."""

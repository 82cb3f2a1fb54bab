"""Recovering whole bodies: pose and shape of a body model from keypoints."""

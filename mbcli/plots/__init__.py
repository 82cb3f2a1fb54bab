"""Figures of angles and trajectories, by Matplotlib."""

"""Figures of a motion for papers: joint angles, trajectories, speeds, confidence."""

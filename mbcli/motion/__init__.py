"""3D motion of every person: in memory, saved and loaded."""

from mbcli.motion.file import load_motion, save_motion
from mbcli.motion.people3d import Motion3D, Refinement, heights, noted_source

__all__ = ["Motion3D", "Refinement", "heights", "load_motion", "noted_source", "save_motion"]

"""Kinematics: rotations of bones and angles of joints."""

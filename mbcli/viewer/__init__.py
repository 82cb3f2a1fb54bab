"""Motions to look around in: Rerun, and a page for any browser."""

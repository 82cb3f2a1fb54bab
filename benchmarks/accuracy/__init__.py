"""Errors of the lifted poses, on calibrated video and on held-out recordings."""

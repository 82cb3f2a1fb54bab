"""Errors of a 2D model, measured against several calibrated views."""

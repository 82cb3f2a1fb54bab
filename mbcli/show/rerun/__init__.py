"""A motion in the Rerun viewer, with curves and a timeline."""

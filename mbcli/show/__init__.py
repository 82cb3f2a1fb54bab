"""Ways to look at a motion: drawings, plots, a page for any browser, Rerun."""

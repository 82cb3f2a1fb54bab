"""Many inputs in one run: which they are, where results go, what is finished, several processes."""

"""A motion as one interactive HTML page for any browser, offline."""

"""A motion as one HTML page, to look around in with any browser, offline."""

"""Motion recordings: importers, one file a format, and the store that training reads."""

"""File input and output: complete files or none are written, and reading never executes code."""

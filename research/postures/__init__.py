"""Motions that the recordings lack: sitting, kneeling, lying, crawling, reaching."""

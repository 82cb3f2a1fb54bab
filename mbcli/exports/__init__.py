"""Result formats, one file each."""

"""Training data: clips and sequences as memory-mapped arrays."""

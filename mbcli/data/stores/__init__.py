"""What training reads: clips and sequences as arrays that are mapped from disk."""

"""Data sets, the embedding cache, and batches chosen by a core-set."""

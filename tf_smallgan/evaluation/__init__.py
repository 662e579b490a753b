"""Scores of generated images; every number says what it was measured with."""

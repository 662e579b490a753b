"""Compiles the train step for a TPU on a machine that has none."""

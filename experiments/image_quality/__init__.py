"""Image quality over time, with and without core-sets."""

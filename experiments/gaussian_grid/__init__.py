"""Dropped modes on grids of Gaussians."""

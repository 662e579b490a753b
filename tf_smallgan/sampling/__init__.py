"""Draws images from a trained generator or an export."""

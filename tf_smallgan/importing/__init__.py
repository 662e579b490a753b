"""Reads networks that other projects released."""

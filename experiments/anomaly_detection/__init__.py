"""Anomaly detection on digits, as Small-GAN reports it."""

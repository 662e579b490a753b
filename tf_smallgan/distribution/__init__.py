"""Devices, workers and replicas."""

"""Turns a trained generator into a SavedModel, checks it and serves it.

python -m export            writes a version of the model
python -m export.verify     checks one in a fresh process
python -m export.client     asks a running server for images
"""

"""The papers' experiments as commands; see docs/experiments.md."""

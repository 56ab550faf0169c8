"""Measurements: each module compares two ways of doing one thing, in turn, in one run."""

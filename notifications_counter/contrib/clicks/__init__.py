"""Clicks on links, counted by people and by programs."""

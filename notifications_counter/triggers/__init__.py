"""Capture by database triggers: what is declared, what a database has, and how one becomes the other."""

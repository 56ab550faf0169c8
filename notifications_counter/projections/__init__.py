"""Projections: documents of rows that something outside of their table keeps in step with them."""

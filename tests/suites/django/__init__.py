"""Django's own suite."""

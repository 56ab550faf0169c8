"""Django's search packages beside contrib.search: who notices which kind of change."""

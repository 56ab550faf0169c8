"""What a counter says: which rows count, and for which key. Nothing here changes or reads a database."""

"""The engine's own tables, and what is read from them beside the count model's."""

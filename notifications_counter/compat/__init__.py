"""Where Django has no public way: each module wraps or reads one undocumented piece of it."""

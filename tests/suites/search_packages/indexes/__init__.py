"""How each package is set up: ``settings(directory)``, ``rebuild()``, ``settle()`` and ``documents()``."""

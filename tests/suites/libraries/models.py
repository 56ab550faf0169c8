"""Where libraries look for the models of an app; those of a scenario are in its own module."""

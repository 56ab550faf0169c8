"""An app that a test adds to ``INSTALLED_APPS``, and takes out again."""

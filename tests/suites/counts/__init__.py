"""An app of count models that are made for whatever models are installed; it must be the last app."""

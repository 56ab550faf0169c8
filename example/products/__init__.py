"""The tutorial's shop: products that are added at once, finished in the background, and searched."""

import os

if os.environ.get("DEMO_BROKER"):  # so that this process's tasks go to that broker
    from .celery import app as celery_app

    __all__ = ["celery_app"]

"""The Celery application: in ``example/``, ``celery -A products worker``.

It is no module beside manage.py, which would stand in the way of the package ``celery`` itself.
"""

import os

from celery import Celery
from kombu import Queue

os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"

app = Celery("products")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # No pickle: a message is data, and whoever can write to the broker can run nothing.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    # A queue of RabbitMQ knows of priorities from when it is made.
    task_queues=[Queue(name, queue_arguments={"x-max-priority": 10}) for name in ("products", "products_slow")],
    task_default_queue="products",
    # One task at a time, so that those of a higher priority come first, and a killed worker keeps few.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # Redis: what a killed worker had is given to another one after so many seconds.
    broker_transport_options={"visibility_timeout": 120} if os.environ.get("DEMO_BROKER", "").startswith("redis") else {},
)
app.autodiscover_tasks(["products"])

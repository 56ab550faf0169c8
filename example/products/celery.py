"""The Celery application: in ``example/``, ``celery -A products worker``.

It is no module beside manage.py, which would stand in the way of the package ``celery`` itself.
"""

import os

from celery import Celery
from django.conf import settings
from kombu import Queue

os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"

# What a killed worker had is given to another one after so many seconds; the most urgent tasks come first.
OF_REDIS = {"visibility_timeout": 120, "queue_order_strategy": "priority"}

app = Celery("products")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # No pickle: a message is data, and whoever can write to the broker can run nothing.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    # A queue of RabbitMQ knows of priorities from when it is made.
    task_queues=[Queue(name, queue_arguments={"x-max-priority": 10}) for name in settings.PRODUCTS["QUEUES"]],
    task_default_queue=settings.PRODUCTS["QUEUES"][0],
    # One task at a time, so that those of a higher priority come first, and a killed worker keeps few.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options=OF_REDIS if (settings.CELERY_BROKER_URL or "").startswith("redis") else {},
)
app.autodiscover_tasks(["products"])

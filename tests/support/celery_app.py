"""A Celery application as a project has one."""

import os

from celery import Celery

app = Celery("tests", broker=os.environ["AMQP_URL"])
app.conf.task_default_queue = os.environ["NC_QUEUE"]
app.conf.broker_connection_retry_on_startup = True
app.autodiscover_tasks(["notifications_counter", "notifications_counter.inbox"])

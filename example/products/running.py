"""Who does a task: Celery, Django's own tasks, or a thread of this process, whichever the site has.

* Celery where ``CELERY_BROKER_URL`` says where its broker is;
* Django's tasks (from 6.0 on) where ``TASKS`` says by what they are done;
* else threads, which forget what they were to do when the process ends: for trying it out, without any server.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

logger = logging.getLogger(__name__)

THREADS = 4
Data = dict[str, Any]

#: Task -> the same as a task of Django's.
_of_django: dict[Any, Any] = {}


class CannotQueue(Exception):
    """Nobody takes tasks now: the broker is away."""


def runner() -> str:
    """Who does tasks: "celery", "django" or "threads"."""
    if getattr(settings, "CELERY_BROKER_URL", None):
        return "celery"
    return "django" if _of_django else "threads"


def also_by_django(task: Any, of_django: Any) -> None:
    """Say what a task is called among Django's own."""
    _of_django[task] = of_django


def send(task: Any, data: Data, after: float = 0.0) -> None:
    """Let a task be done soon, by somebody else.

    Args:
        data: its only argument, which JSON must have.
        after: seconds from now.

    Raises:
        CannotQueue: nobody takes it.
    """
    SEND[runner()](task, data, after)


def _by_celery(task: Any, data: Data, after: float) -> None:
    from kombu.exceptions import OperationalError

    try:
        task.apply_async([data], countdown=after or None, retry=False)
    except (OperationalError, OSError) as error:
        raise CannotQueue("The broker is away.") from error


def _by_django(task: Any, data: Data, after: float) -> None:
    own = _of_django[task]
    if after and own.get_backend().supports_defer:
        own = own.using(run_after=timezone.now() + timedelta(seconds=after))
    own.enqueue(data)


def _by_threads(task: Any, data: Data, after: float) -> None:
    if after:
        timer = threading.Timer(after, _executor().submit, [_run, task, data])
        timer.daemon = True
        timer.start()
    else:
        _executor().submit(_run, task, data)


@cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="products")


def _run(task: Callable[[Data], None], data: Data) -> None:
    close_old_connections()
    try:
        task(data)
    except Exception:
        logger.exception("The task %s has failed", task.__name__)
    finally:
        connections.close_all()


SEND: dict[str, Callable[[Any, Data, float], None]] = {
    "celery": _by_celery,
    "django": _by_django,
    "threads": _by_threads,
}

"""Clients as a project might make them."""

from typing import Any

import redis
from django.conf import settings


def shared() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, single_connection_client=True)


def few() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, max_connections=4)


def nowhere() -> Any:
    return redis.Redis(port=1, single_connection_client=True, retry=None)

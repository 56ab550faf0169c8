from typing import Any

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

TIMEOUTS: dict[str, Any] = {"socket_timeout": 1, "socket_connect_timeout": 1}


def cluster() -> RedisCluster:
    nodes = [ClusterNode(host, port) for host, port in settings.REDIS_CLUSTER]
    # The second try goes to the node that has taken over, if there is one.
    return RedisCluster(startup_nodes=nodes, retry=Retry(NoBackoff(), 1), **TIMEOUTS)


def primary() -> Redis:
    no_retry = {**TIMEOUTS, "retry": Retry(NoBackoff(), 0)}
    sentinel = Sentinel(settings.REDIS_SENTINELS, sentinel_kwargs=no_retry, **TIMEOUTS)
    client: Redis = sentinel.master_for("counter", retry=Retry(NoBackoff(), 1))
    return client

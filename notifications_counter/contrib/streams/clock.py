"""The clock of a database, by which the processors of a group agree, whatever those of their machines say."""

from __future__ import annotations

import time

from django.db.backends.base.base import BaseDatabaseWrapper

NOW = {
    "postgresql": "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)",
    "mysql": "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
}


def now(connection: BaseDatabaseWrapper) -> int:
    """Milliseconds since 1970, by the clock of a database; by the machine's where it is a file."""
    if connection.vendor not in NOW:
        return time.time_ns() // 1_000_000
    with connection.cursor() as cursor:
        cursor.execute(NOW[connection.vendor])
        return int(cursor.fetchone()[0])

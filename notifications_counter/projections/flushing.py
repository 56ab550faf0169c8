"""The flush of all projections, at the end of every flush of the counters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, router

from ..exceptions import CounterError, described
from .declaration import Projection, projections
from .documents import SinkUnavailable
from .rebuilding import Rebuild
from .sending import Sender, Sent
from .tables import ProjectionProgress

logger = logging.getLogger("notifications_counter")

#: For how long one flush goes on with a rebuild that nobody has asked for.
REBUILD_SECONDS = 1


def flush_projections(using: str | None = None, stop: Callable[[], bool] | None = None) -> list[Sent]:
    """Send what is outdated, of all projections. One that fails is logged, and keeps no other from its turn.

    Args:
        using: a database alias, where it is not each projection's own.
        stop: asked between chunks; a true answer ends it, and the rest stays pending.

    Returns:
        What was done, for each projection whose tables are there.
    """
    return list(_each(using, stop))


def flush_projection(projection: Projection, using: str | None = None, stop: Callable[[], bool] | None = None) -> Sent:
    """Send what is outdated of one projection; of one whose documents are not all there, a part of them too.

    Raises:
        DatabaseFailed: the database failed in a way that does not pass.
    """
    sender = Sender(projection, using or projection.alias(), projection.chunk_size, stop)
    rebuild = Rebuild(sender)
    sender.prepare()
    try:
        if rebuild.is_due():
            sender.result.is_building = not rebuild.run(REBUILD_SECONDS)
        else:
            sender.run()
        if not sender.result.unavailable and not sender.stop():
            projection.after_flush(sender)
    except SinkUnavailable as error:
        sender.note_unavailable(described(error))
    return sender.result


def _each(using: str | None, stop: Callable[[], bool] | None) -> Iterator[Sent]:
    for projection in projections():
        if stop and stop():
            return
        alias = using or projection.alias()
        if projection.using not in (None, alias) or not _is_here(projection, alias):
            continue
        try:
            yield flush_projection(projection, alias, stop)
        except (CounterError, DatabaseError) as error:
            logger.error("%s could not be flushed: %s", projection.label, described(error))
        except Exception:  # whatever it is, it is no reason not to flush the others
            logger.exception("%s could not be flushed", projection.label)


def _is_here(projection: Projection, using: str) -> bool:
    if not router.allow_migrate_model(using, ProjectionProgress):
        return False
    names = connections[using].introspection.table_names()
    return {ProjectionProgress._meta.db_table, projection.model._meta.db_table} <= set(names)


def on_flush(sender: Any, *, using: str | None = None, stop: Callable[[], bool] | None = None, **kwargs: Any) -> None:
    """At the end of a flush of the counters."""
    if projections():
        flush_projections(using, stop)

"""Expressions on an instance, which Django replaces by their values as soon as they are saved (from 6.0 on)."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.signals import pre_save

from tests.support.base import CounterTestCase
from tests.testapp.models import Ticket, UrgentTickets


def elsewhere(change: Callable[[], Any]) -> None:
    """Make a change on another connection, and commit it."""

    def run() -> None:
        try:
            change()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@unittest.skipUnless(connection.vendor == "postgresql", "here another connection's row is seen by the next statement")
class ExpressionTest(CounterTestCase):
    def test_a_save_that_is_tried_again_works_out_its_expressions_anew(self) -> None:
        (user,) = self.make_users(1)
        appeared: list[Ticket] = []

        def appear(**kwargs: Any) -> None:
            if not appeared:
                row = Ticket(pk=77, assignee=user, priority=10)
                appeared.append(row)
                elsewhere(lambda: row.save(force_insert=True))

        def change_after_rollback(execute: Any, sql: str, *arguments: Any) -> Any:
            done = execute(sql, *arguments)
            if sql.startswith("ROLLBACK TO"):
                elsewhere(lambda: Ticket.objects.filter(pk=77).update(priority=20))
            return done

        ticket = Ticket(pk=77, assignee=user, priority=F("priority") + 1)
        pre_save.connect(appear, sender=Ticket)
        try:
            with connection.execute_wrapper(change_after_rollback), transaction.atomic():
                ticket.save()
        finally:
            pre_save.disconnect(appear, sender=Ticket)
        self.assertEqual(Ticket.objects.get(pk=77).priority, 21)
        urgent = Ticket.objects.filter(assignee=user, closed_at__isnull=True, priority__gte=5).count()
        self.assertEqual(UrgentTickets.counter.value(user), urgent)

"""How many statements a change takes with a counter: printed, and held to what they were."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, notify, uses_redis

#: What is done -> how many statements it takes at most, BEGIN and COMMIT aside: with Redis, with the database buffer.
MOST = {
    "create": (1, 2),
    "save": (2, 2),
    "save(update_fields=[another column])": (1, 1),
    "update() of 100 rows": (2, 4),  # two counters count them
    "bulk_create of 3 rows": (1, 2),
    "related.count()": (1, 1),
    "related.exists()": (1, 1),
}


class QueryTest(CounterTestCase):
    def test_a_change_takes_no_more_statements_than_before(self) -> None:
        user, owner = self.make_users(2)
        (row,) = notify(user)
        notify(user, 99)
        notify(owner, 100)
        Notification.objects.filter(pk=notify(owner)[0].pk).update(has_read=True)  # what is asked once for each counter

        def save_another_column() -> None:
            row.text = "again"
            row.save(update_fields=["text"])

        acts: dict[str, Callable[[], object]] = {
            "create": lambda: notify(user),
            "save": row.save,
            "save(update_fields=[another column])": save_another_column,
            "update() of 100 rows": lambda: Notification.objects.filter(user=owner).update(has_read=True),
            "bulk_create of 3 rows": lambda: Notification.objects.bulk_create(
                [Notification(user=user, text="bulk") for _ in range(3)]
            ),
            "related.count()": user.inbox_notifications.count,
            "related.exists()": user.inbox_notifications.exists,
        }
        for name, act in acts.items():
            with self.subTest(name), CaptureQueriesContext(connection) as queries:
                act()
            statements = [each["sql"] for each in queries.captured_queries]
            statements = [each for each in statements if not each.startswith(("BEGIN", "COMMIT"))]
            print(f"{connection.vendor}: {name}: {len(statements)} statements")
            lock = connection.vendor == "sqlite" and name in ("save", "update() of 100 rows")
            self.assertLessEqual(len(statements), MOST[name][not uses_redis()] + lock, "\n".join(statements))
            self.assertFalse([each for each in statements if "JOIN" in each])

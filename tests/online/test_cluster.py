"""Who is online, on a cluster of Redis."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import tag

from notifications_counter.contrib.online import (
    get_users_online,
    is_online_many,
    last_seen,
    number_online,
    report_user,
    users_online,
)
from tests.buffers.test_cluster import ClusterTestCase as _ClusterTestCase
from tests.support.failing_over import load_tests as load_tests


@tag("long")
class OnlineInAClusterTest(_ClusterTestCase):
    def test_all_is_on_one_node_which_answers_everything(self) -> None:
        users = [User.objects.create(username=f"user{place}") for place in range(60)]
        for user in users:
            report_user(user, room="thread:42")
        self.assertEqual(get_users_online(), {user.username for user in users})
        self.assertEqual((number_online(), number_online(room="thread:42")), (60, 60))
        self.assertEqual(is_online_many([*users[:2], "nobody"]), {users[0]: True, users[1]: True, "nobody": False})
        self.assertEqual(len(users_online()), 50)
        call_command("notification_update_counter", verbosity=0)
        self.assertIsNotNone(last_seen("user7"))
        self.assertEqual(len(users_online()), 50)

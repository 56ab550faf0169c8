"""Templates of a site that show what notifications are about: the number of queries does not grow with the page."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from notifications_counter.models import Notification
from notifications_counter.target_field import fetch_together

from .test_page import INBOX, PageTestCase

SENTENCE = "{{ group.sentence.rest }} ({{ notification.actor }}: {{ notification.target }})"


def with_sentence(template: str) -> override_settings:
    """Settings of a site that has a template of its own for what a notification says."""
    own = {"notifications_counter/inbox/sentence.html": template}
    loaders = [("django.template.loaders.locmem.Loader", own), "django.template.loaders.app_directories.Loader"]
    (engine,) = settings.TEMPLATES
    options = {**engine.get("OPTIONS", {}), "loaders": loaders}
    return override_settings(TEMPLATES=[{"BACKEND": engine["BACKEND"], "OPTIONS": options}])


class ShownTargetsTest(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        users = [User.objects.create(username=f"user {place}") for place in range(8)]
        groups = [Group.objects.create(name=f"group {place}") for place in range(8)]
        for user, group in zip(users, groups, strict=True):
            self.create("follows", actor=user, target=user)
            self.create("joined", actor=user, target=group)
        self.page()  # what is looked up once in a process
        self.plain = self.count()

    def count(self) -> int:
        """How many queries the page takes."""
        with CaptureQueriesContext(connection) as captured:
            self.client.get(INBOX)
        return len(captured)

    def test_a_page_that_shows_them_takes_one_query_more_for_each_of_their_models(self) -> None:
        with with_sentence(SENTENCE), self.assertNumQueries(self.plain + 2):
            html = self.client.get(INBOX).content.decode()
        for place in range(8):
            self.assertIn(f"follows (user {place}: user {place})", html)
            self.assertIn(f"joined (user {place}: group {place})", html)

    def test_a_page_that_shows_no_targets_fetches_none(self) -> None:
        with with_sentence("{{ group.sentence.rest }}, {{ notification.actor }}"), self.assertNumQueries(self.plain):
            self.client.get(INBOX)

    def test_what_is_gone_or_about_a_model_that_is_gone_is_empty_and_harms_no_other(self) -> None:
        old = ContentType.objects.create(app_label="gone", model="gone")
        Notification.objects.filter(text="joined").update(target_id="123456789")
        self.create("was", target_type=old, target_id="1")
        with with_sentence(SENTENCE):
            html = self.client.get(INBOX).content.decode()
        self.assertIn("joined (user 3: None)", html)
        self.assertIn("was (None: None)", html)
        self.assertIn("follows (user 3: user 3)", html)

    def test_another_target_that_is_set_meanwhile_is_the_one_that_is_shown(self) -> None:
        rows = list(Notification.objects.filter(text="joined").order_by("pk"))
        fetch_together(rows)
        rows[0].target = self.user
        rows[1].target_id = str(Group.objects.get(name="group 7").pk)
        self.assertEqual([str(row.target) for row in rows[:3]], [str(self.user), "group 7", "group 2"])
        rows[2].target_id = rows[3].target_id
        self.assertEqual(str(rows[2].target), "group 3")

"""The adapters of the documentation offer the same through Django REST framework and django-ninja."""

import json
from typing import Any

from django.test import Client, override_settings
from django.urls import include, path

from notifications_counter.models import Notification

from .adapters import drf, ninja
from .api import JSON, ApiTestCase

urlpatterns = [
    path("inbox/", include("notifications_counter.inbox.urls")),
    path("drf/notifications/", drf.notifications),
    path("drf/notifications/mark/", drf.mark),
    path("ninja/", ninja.api.urls),
]


@override_settings(ROOT_URLCONF=__name__)
class AdapterTest(ApiTestCase):
    frameworks = ("drf", "ninja")

    def post(self, client: Client, framework: str, body: Any, **headers: str) -> Any:
        return client.post(f"/{framework}/notifications/mark/", json.dumps(body), content_type=JSON, headers=headers)

    def test_a_page_is_that_of_the_api_also_with_filters(self):
        self.make(3, kind="comment", actor=self.other, target=self.other, data={"a": 1})
        self.make(25)
        self.make(1, has_read=True)
        for query in ("", "?unread=true", "?unread=false", "?kind=comment", "?kind="):
            expected = self.client.get(f"/inbox/api/notifications/{query}").json()
            del expected["next"]
            for framework in self.frameworks:
                found = self.client.get(f"/{framework}/notifications/{query}").json()
                self.assertEqual(found, expected, (framework, query))

    def test_a_cursor_leads_to_the_next_page_and_a_wrong_one_is_refused(self):
        self.make(25)
        for framework in self.frameworks:
            first = self.client.get(f"/{framework}/notifications/").json()
            rest = self.client.get(f"/{framework}/notifications/", {"cursor": first["next_cursor"]}).json()
            self.assertEqual((len(rest["results"]), rest["next_cursor"]), (5, None))
            wrong = self.client.get(f"/{framework}/notifications/", {"cursor": "x"})
            self.assertEqual(wrong.status_code, 400)
            self.assertIn("cursor", wrong.content.decode())

    def test_many_are_marked_and_somebody_elses_are_not(self):
        (theirs,) = self.make(user=self.other)
        for framework in self.frameworks:
            ids = [one.pk for one in self.make(2)]
            document = self.post(self.client, framework, {"ids": [*ids, theirs.pk], "read": True}).json()
            self.assert_numbers(document)
            self.assertEqual(document["unread"], 0)
            many = self.post(self.client, framework, {"ids": list(range(501)), "read": True})
            self.assertEqual(many.status_code, 400)
        self.assertFalse(Notification.objects.get(pk=theirs.pk).has_read)

    def test_a_session_and_its_token_are_needed(self):
        (one,) = self.make()
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(self.user)
        body = {"ids": [one.pk], "read": True}
        for framework in self.frameworks:
            self.assertIn(Client().get(f"/{framework}/notifications/").status_code, (401, 403))
            self.assertIn(self.post(Client(), framework, body).status_code, (401, 403))
            self.assertEqual(self.post(strict, framework, body).status_code, 403)
            self.assertFalse(Notification.objects.get(pk=one.pk).has_read)
            strict.cookies["csrftoken"] = "t" * 32
            self.assertEqual(self.post(strict, framework, body, **{"X-CSRFToken": "t" * 32}).status_code, 200)
            Notification.objects.filter(pk=one.pk).mark_as_unread()
            del strict.cookies["csrftoken"]

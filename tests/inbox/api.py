"""What the tests of the API share: users who are logged in, and what each address answers."""

from typing import Any

from django.http import HttpResponse
from django.test import Client

from notifications_counter.models import Notification
from tests.support.base import CounterTestCase

ROOT = "/inbox/api/"
JSON = "application/json"
PROBLEM = "application/problem+json"


class ApiTestCase(CounterTestCase):
    """Two users, of whom the first is logged in."""

    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.client.force_login(self.user)

    def make(self, number: int = 1, **values: Any) -> list[Notification]:
        values = {"user": self.user, **values}
        return [Notification.objects.create(**{"text": f"number {place}", **values}) for place in range(number)]

    def get(self, path: str, **parameters: Any) -> Any:
        response = self.client.get(ROOT + path, parameters)
        self.assertEqual(response.status_code, 200, response.content)
        return response.json()

    def send(self, method: str, path: str, body: Any = None, client: Client | None = None) -> Any:
        """Send JSON: what the address answers, whichever status it has."""
        return getattr(client or self.client, method)(ROOT + path, body, content_type=JSON)

    def assert_problem(self, response: HttpResponse | Any, status: int, code: str, *said: str) -> dict[str, Any]:
        """It is a problem document of this kind, and nothing that a proxy or a browser would keep or guess at."""
        self.assertEqual((response.status_code, response["Content-Type"]), (status, PROBLEM), response.content[:500])
        self.assertIn("no-store", response["Cache-Control"])
        self.assertEqual(response["X-Content-Type-Options"], "nosniff")
        document: dict[str, Any] = response.json()
        self.assertEqual((document["status"], document["code"]), (status, code))
        self.assertLess(len(document["detail"]), 500)
        for part in said:
            self.assertIn(part, document["detail"])
        return document

    def assert_numbers(self, document: dict[str, Any]) -> None:
        """The numbers in an answer are those of a plain count."""
        unread = Notification.objects.filter(user=self.user, has_read=False)
        kinds = list(unread.values_list("kind", flat=True))
        expected = (len(kinds), unread.filter(seen=False).count(), {kind: kinds.count(kind) for kind in kinds})
        self.assertEqual((document["unread"], document["unseen"], document["by_kind"]), expected)

"""The JSON API: what each address answers, and what it changes."""

from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications_counter.models import Notification
from tests.support.base import uses_redis

from .api import JSON, ROOT, ApiTestCase


class ListTest(ApiTestCase):
    def test_a_notification_is_answered_with_its_actor_target_and_data(self):
        self.other.first_name, self.other.last_name = "Ada", "Lovelace"
        self.other.save()
        data = {"parcel": [1, 2.5, None, "ä"]}
        values = {"kind": "parcel", "url": "/parcels/7/", "actor": self.other, "target": self.other, "data": data}
        (made,) = self.make(**values)
        (found,) = self.get("notifications/")["results"]
        self.assertEqual(datetime.fromisoformat(found.pop("created_at")), made.created_at)
        expected = {"id": made.pk, "text": "number 0", "kind": "parcel", "url": "/parcels/7/", "read": False}
        expected |= {"seen": False, "actor": {"id": self.other.pk, "name": "Ada Lovelace"}, "data": data}
        expected |= {"target": {"type": "auth.user", "id": str(self.other.pk)}}
        self.assertEqual(found, expected)

    def test_pages_have_each_notification_once_newest_first_whatever_comes_meanwhile(self):
        at = timezone.now()
        for place in range(11):  # several of the same time
            self.make(created_at=at - timedelta(hours=place // 4))
        expected = list(
            Notification.objects.filter(user=self.user).order_by("-created_at", "-id").values_list("pk", flat=True)
        )
        found, page = [], self.get("notifications/", limit=3)
        for total in range(11, 99):
            found += [one["id"] for one in page["results"]]
            self.assertEqual(page["total"], total)
            self.make(created_at=at + timedelta(hours=1))
            if page["next_cursor"] is None:
                break
            page = self.client.get(page["next"]).json()
        self.assertEqual(found, expected)
        self.assertIsNone(page["next"])

    def test_filters_choose_and_are_kept_by_the_next_page_while_the_numbers_are_of_all(self):
        self.make(3, kind="comment")
        self.make(2, kind="comment", has_read=True)
        self.make(4, kind="")
        page = self.get("notifications/", unread="true", kind="comment", limit=2)
        self.assertEqual([one["kind"] for one in page["results"]], ["comment"] * 2)
        self.assertEqual((page["total"], page["unread"], page["by_kind"]), (9, 7, {"comment": 3, "": 4}))
        rest = self.client.get(page["next"]).json()
        self.assertEqual([(one["kind"], one["read"]) for one in rest["results"]], [("comment", False)])
        self.assertEqual(len(self.get("notifications/", unread="false")["results"]), 2)
        self.assertEqual(len(self.get("notifications/", kind="")["results"]), 4)
        self.assertEqual(self.get("notifications/", kind="no such kind")["results"], [])

    def test_a_page_takes_two_queries_besides_session_and_user_however_long_it_is(self):
        self.make(30, actor=self.other, target=self.other)
        self.get("unread/")
        for parameters in ({}, {"limit": 30}, {"kind": "no such kind"}):
            with CaptureQueriesContext(connection) as queries:
                self.get("notifications/", **parameters)
            self.assertLessEqual(len(queries) - 2, 2, [query["sql"] for query in queries])

    def test_parameters_that_can_be_none_are_refused_with_what_is_wrong(self):
        for parameters, *said in (
            ({"unread": "maybe"}, "unread must be true or false", "'maybe'"),
            ({"limit": "0"}, "1 to 200", "0"),
            ({"limit": "-5"}, "'-5'"),
            ({"limit": "9" * 5000}, "characters"),
            ({"cursor": "x"}, "cursor"),
            ({"cursor": "\0ä"}, "cursor"),
            ({"cursor": "LTEuMQ" * 500}, "cursor"),
            ({"kind": "x" * 65}, "at most 64"),
            ({"kind": "a\0b"}, "printable"),
            ({"knid": "comment"}, "Unknown parameter 'knid'", "'kind'"),
        ):
            with self.subTest(parameters=str(parameters)[:50]):
                response = self.client.get(f"{ROOT}notifications/", parameters)
                self.assert_problem(response, 400, "invalid_parameter", *said)


class UnreadTest(ApiTestCase):
    def test_it_answers_exactly_the_numbers(self):
        self.make(2, kind="comment")
        self.make(has_read=True)
        self.make(seen=True)
        found = self.get("unread/")
        revision = found.pop("revision")
        self.assertIs(type(revision), int)
        self.assertEqual(found, {"unread": 3, "unseen": 2, "by_kind": {"comment": 2, "": 1}})

    def test_what_a_client_has_already_is_not_answered_again(self):
        self.make()
        first = self.client.get(f"{ROOT}unread/")
        self.assertTrue(first["Notifications-Epoch"])
        for known in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}'):
            again = self.client.get(f"{ROOT}unread/", headers={"If-None-Match": known})
            self.assertEqual((again.status_code, again.content), (304, b""))
            self.assertEqual((again["ETag"], again["Cache-Control"]), (first["ETag"], "no-store"))
            self.assertEqual(again["Notifications-Epoch"], first["Notifications-Epoch"])

    def test_each_change_of_a_number_has_another_etag(self):
        (one,) = self.make(kind="comment")
        rows, known = Notification.objects.filter(pk=one.pk), set()
        for changed in ({}, {"kind": "like"}, {"seen": True}, {"has_read": True}, {"has_read": False}):
            rows.update(**changed)
            response = self.client.get(f"{ROOT}unread/", headers={"If-None-Match": ", ".join(known)})
            self.assertEqual(response.status_code, 200)
            self.assert_numbers(response.json())
            known.add(response["ETag"])
        self.assertEqual(len(known), 5)

    def test_what_is_cached_takes_no_query_besides_session_and_user(self):
        self.make()
        etag = self.client.get(f"{ROOT}unread/")["ETag"]
        with CaptureQueriesContext(connection) as queries:
            response = self.client.get(f"{ROOT}unread/", headers={"If-None-Match": etag})
        self.assertEqual(response.status_code, 304)
        self.assertEqual(len(queries) - 2, 0 if uses_redis() else 1)

    def test_the_epoch_in_the_header_is_another_one_after_lost_redis_data_or_the_same(self):
        before = self.client.get(f"{ROOT}unread/")["Notifications-Epoch"]
        self.make()
        after = self.client.get(f"{ROOT}unread/")
        self.assertEqual(after["Notifications-Epoch"], before)
        self.assertNotIn("epoch", after.json())


class ChangeTest(ApiTestCase):
    def test_one_is_marked_read_and_unread_and_answered_with_the_new_numbers(self):
        (one, _) = self.make(2, kind="comment")
        for read in (True, True, False):
            response = self.send("patch", f"notifications/{one.pk}/", {"read": read})
            self.assertEqual(response.status_code, 200)
            document = response.json()
            self.assertEqual((document["id"], document["read"]), (one.pk, read))
            self.assert_numbers(document)
            self.assertEqual(document["unread"], 1 if read else 2)
            self.assertEqual(self.get(f"notifications/{one.pk}/")["read"], read)

    def test_one_is_deleted_once(self):
        (one, _) = self.make(2)
        response = self.send("delete", f"notifications/{one.pk}/")
        self.assertEqual(response.status_code, 200)
        self.assert_numbers(response.json())
        self.assertEqual(response.json()["unread"], 1)
        for method in ("delete", "get"):
            self.assert_problem(self.send(method, f"notifications/{one.pk}/"), 404, "not_found", str(one.pk))

    def test_many_are_marked_each_once(self):
        made = self.make(5)
        ids = [one.pk for one in made[:3]]
        document = self.send("post", "notifications/mark/", {"ids": [*ids, ids[0]], "read": True}).json()
        self.assert_numbers(document)
        self.assertEqual((document["unread"], document["changed"]), (2, 3))
        document = self.send("post", "notifications/mark/", {"ids": ids[:2], "read": False}).json()
        self.assertEqual((document["unread"], document["changed"]), (4, 2))
        document = self.send("post", "notifications/mark/", {"ids": [], "read": False}).json()
        self.assertEqual((document["unread"], document["changed"]), (4, 0))

    def test_all_are_marked_as_seen_then_as_read(self):
        self.make(3, kind="comment")
        self.make(user=self.other)
        seen = self.send("post", "mark-all-seen/").json()
        self.assertEqual((seen["unread"], seen["unseen"]), (3, 0))
        read = self.client.post(f"{ROOT}mark-all-read/").json()
        self.assertEqual({**read, "revision": 0}, {"unread": 0, "unseen": 0, "by_kind": {}, "revision": 0})
        self.assertGreater(read["revision"], seen["revision"])
        self.assertEqual(Notification.objects.filter(user=self.other, has_read=False, seen=False).count(), 1)

    def test_mark_all_takes_an_empty_object_and_no_field(self):
        self.assertEqual(self.send("post", "mark-all-read/", {}).status_code, 200)
        response = self.send("post", "mark-all-read/", {"ids": [1]})
        self.assert_problem(response, 400, "unknown_field", "'ids'")


class MethodTest(ApiTestCase):
    TAKEN = (
        ("notifications/", "GET, HEAD, OPTIONS"),
        ("notifications/1/", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("notifications/mark/", "POST, OPTIONS"),
        ("unread/", "GET, HEAD, OPTIONS"),
        ("mark-all-read/", "POST, OPTIONS"),
        ("mark-all-seen/", "POST, OPTIONS"),
        ("openapi.json", "GET, HEAD, OPTIONS"),
    )

    def test_other_methods_are_answered_with_those_that_an_address_takes_and_change_nothing(self):
        self.make(3)
        for path, taken in self.TAKEN:
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
                if method in taken.split(", "):
                    continue
                with self.subTest(path=path, method=method):
                    response = self.client.generic(method, ROOT + path, "{}", content_type=JSON)
                    self.assertEqual(set(response["Allow"].split(", ")), set(taken.split(", ")))
                    if method == "HEAD":
                        self.assertEqual((response.status_code, response.content), (405, b""))
                    else:
                        self.assert_problem(response, 405, "method_not_allowed", "GET" if "GET" in taken else "POST")
        self.assertEqual(self.get("unread/")["unread"], 3)

    def test_options_says_the_methods_and_head_the_headers_alone(self):
        self.make()
        for path, taken in self.TAKEN:
            response = self.client.options(ROOT + path)
            self.assertEqual((response.status_code, response.content), (200, b""))
            self.assertEqual(set(response["Allow"].split(", ")), set(taken.split(", ")))
        for path in ("notifications/", "unread/"):
            got, head = self.client.get(ROOT + path), self.client.head(ROOT + path)
            self.assertEqual((head.status_code, head.content), (200, b""))
            self.assertEqual(head["Content-Type"], got["Content-Type"])
            self.assertEqual(head.get("ETag"), got.get("ETag"))

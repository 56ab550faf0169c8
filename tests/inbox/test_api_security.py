"""The JSON API answers nobody but the user of the session, and takes nothing that could harm."""

import asyncio
import json

from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.test import Client, override_settings

from notifications_counter.models import Notification

from .api import JSON, ROOT, ApiTestCase

MIB = 1024 * 1024

#: Every address that needs a user, with each method that it takes.
ASKED = (
    ("get", "notifications/"),
    ("get", "notifications/{id}/"),
    ("patch", "notifications/{id}/"),
    ("delete", "notifications/{id}/"),
    ("post", "notifications/mark/"),
    ("get", "unread/"),
    ("post", "mark-all-read/"),
    ("post", "mark-all-seen/"),
    ("get", "preferences/"),
    ("patch", "preferences/"),
    ("post", "preferences/mute/"),
    ("post", "preferences/unmute/"),
)
CHANGES = [(method, path) for method, path in ASKED if method != "get"]


def body_of(method, path, pk):
    if path.startswith("preferences/") and method != "get":
        return {"preferences/": {"kinds": {}}, "preferences/mute/": {"ids": [pk]}}.get(path, {"targets": []})
    if method == "patch":
        return {"read": True}
    return {"ids": [pk], "read": True} if path.endswith("mark/") else {}


class CompletenessTest(ApiTestCase):
    def test_these_tests_ask_each_address_of_the_openapi_document(self):
        paths = self.get("openapi.json")["paths"]
        described = {(method, path[1:]) for path, methods in paths.items() for method in methods}
        self.assertEqual(set(ASKED), {one for one in described if one[0] != "parameters"})


class OthersTest(ApiTestCase):
    def setUp(self):
        super().setUp()
        (self.theirs,) = self.make(user=self.other, text="secret", kind="secret")

    def assert_untouched(self):
        row = Notification.objects.get(pk=self.theirs.pk)
        self.assertEqual((row.has_read, row.seen), (False, False))

    def test_no_address_shows_or_changes_what_is_somebody_elses(self):
        for method, path in ASKED:
            with self.subTest(method=method, path=path):
                path = path.format(id=self.theirs.pk)
                response = self.send(method, path, body_of(method, path, self.theirs.pk))
                self.assertNotIn(b"secret", response.content)
                self.assert_untouched()

    def test_somebody_elses_is_answered_as_one_that_does_not_exist(self):
        for method in ("get", "patch", "delete"):
            bodies = []
            for pk in (self.theirs.pk, self.theirs.pk + 1000):
                response = self.send(method, f"notifications/{pk}/", {"read": True})
                document = self.assert_problem(response, 404, "not_found")
                bodies.append({**document, "detail": document["detail"].replace(str(pk), "ID")})
            self.assertEqual(*bodies)

    def test_in_a_list_of_ids_somebody_elses_changes_nothing_and_shows_nothing(self):
        (own,) = self.make()
        ids = [self.theirs.pk, own.pk, self.theirs.pk + 1000]
        document = self.send("post", "notifications/mark/", {"ids": ids, "read": True}).json()
        self.assertEqual(document["changed"], 1)
        self.assert_untouched()

    def test_a_cursor_of_another_user_shows_the_own_notifications_alone(self):
        self.make(3, user=self.other, text="secret")
        self.make(2)
        theirs = Client()
        theirs.force_login(self.other)
        cursor = theirs.get(f"{ROOT}notifications/?limit=1").json()["next_cursor"]
        self.assertNotIn(b"secret", self.client.get(f"{ROOT}notifications/", {"cursor": cursor}).content)


class SessionTest(ApiTestCase):
    def test_without_a_session_each_address_answers_a_problem_and_never_leads_to_a_login_page(self):
        (one,) = self.make()
        middleware = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        for method, path in ASKED:
            with self.subTest(method=method, path=path), override_settings(MIDDLEWARE=middleware):
                path = path.format(id=one.pk)
                response = self.send(method, path, body_of(method, path, one.pk), Client())
                self.assert_problem(response, 401, "not_authenticated")
                self.assertEqual(response["WWW-Authenticate"], "Session")
        self.assertEqual(self.get("unread/")["unread"], 1)

    def test_who_has_logged_out_is_answered_no_more(self):
        self.client.logout()
        self.assert_problem(self.client.get(f"{ROOT}unread/"), 401, "not_authenticated")

    def test_the_description_needs_no_session(self):
        self.assertEqual(Client().get(f"{ROOT}openapi.json").json()["openapi"][:3], "3.1")


class CsrfTest(ApiTestCase):
    def setUp(self):
        super().setUp()
        (self.one,) = self.make()
        self.strict = Client(enforce_csrf_checks=True)
        self.strict.force_login(self.user)

    def sent(self, method, path, **headers):
        path = path.format(id=self.one.pk)
        body = json.dumps(body_of(method, path, self.one.pk))
        return self.strict.generic(method.upper(), ROOT + path, body, content_type=JSON, headers=headers)

    def test_each_change_needs_the_token_also_without_the_middleware(self):
        without = ["django.contrib.sessions.middleware.SessionMiddleware"]
        without += ["django.contrib.auth.middleware.AuthenticationMiddleware"]
        for settings in ({}, {"MIDDLEWARE": without}):
            for method, path in CHANGES:
                with self.subTest(method=method, path=path, **settings), override_settings(**settings):
                    self.assert_problem(self.sent(method, path), 403, "csrf_failed", "X-CSRFToken")
                    wrong = self.sent(method, path, **{"X-CSRFToken": "x" * 32})
                    self.assert_problem(wrong, 403, "csrf_failed")
        row = Notification.objects.get(pk=self.one.pk)
        self.assertEqual((row.has_read, row.seen), (False, False))

    def test_with_the_token_of_the_cookie_each_change_is_made_but_not_from_another_site(self):
        token = "t" * 32
        self.strict.cookies["csrftoken"] = token
        for method, path in sorted(CHANGES, key=lambda one: one[0] == "delete"):
            foreign = self.sent(method, path, **{"X-CSRFToken": token, "Origin": "https://evil.example"})
            self.assert_problem(foreign, 403, "csrf_failed")
            self.assertEqual(self.sent(method, path, **{"X-CSRFToken": token}).status_code, 200)

    def test_a_form_may_bring_the_token_to_mark_all(self):
        token = "t" * 32
        self.strict.cookies["csrftoken"] = token
        response = self.strict.post(f"{ROOT}mark-all-read/", {"csrfmiddlewaretoken": token})
        self.assertEqual(response.json()["unread"], 0)


class ContentTest(ApiTestCase):
    def test_script_in_what_others_wrote_is_plain_json_that_no_browser_runs(self):
        script = "</script><script>alert(1)</script>\r\nSet-Cookie: x=1\u2028"
        self.other.first_name = script[:150]
        self.other.save()
        (one,) = self.make(text=script, kind=script[:64], url=f"javascript:{script}", actor=self.other, data=[script])
        for path in ("notifications/", f"notifications/{one.pk}/"):
            response = self.client.get(ROOT + path)
            self.assertEqual(response["Content-Type"], JSON)
            self.assertEqual(response["X-Content-Type-Options"], "nosniff")
            self.assertNotIn("x", response.cookies)
            found = response.json().get("results", [response.json()])[0]
            self.assertEqual((found["text"], found["data"], found["actor"]["name"]), (script, [script], script.strip()))

    def test_what_a_client_sends_comes_out_in_no_header(self):
        split = "x\r\nSet-Cookie: evil=1"
        for response in (
            self.client.get(f"{ROOT}notifications/", {"cursor": split}),
            self.client.get(f"{ROOT}notifications/", {"kind": split}),
            self.client.get(f"{ROOT}notifications/", {split: "1"}),
            self.client.get(f"{ROOT}notifications/x%0d%0aSet-Cookie:%20evil=1/"),
            self.client.get(f"{ROOT}unread/", headers={"If-None-Match": '"x"'}),
            self.send("patch", f"notifications/{self.make()[0].pk}/", {split: True}),
        ):
            self.assertNotIn("evil", str(response.headers))
            self.assertNotIn("evil", response.cookies)

    def test_ten_megabytes_are_refused_before_they_are_read(self):
        (one,) = self.make()
        for kind in (JSON, "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            for method, path in CHANGES:
                with self.subTest(method=method, path=path, kind=kind):
                    path = path.format(id=one.pk)
                    body = b'{"ids": [' + b"1," * 5 * MIB + b"1]}"
                    response = self.client.generic(method.upper(), ROOT + path, body, content_type=kind)
                    self.assert_problem(response, 413, "body_too_large", str(MIB))
        self.assertEqual(self.get("unread/")["unread"], 1)

    def test_ten_megabytes_in_chunks_whose_sum_nobody_announces_are_refused(self):
        (one,) = self.make()
        status, body = async_to_sync(self.send_in_chunks)(f"{ROOT}notifications/{one.pk}/", [b" " * MIB] * 10)
        self.assertEqual((status, body["code"]), (413, "body_too_large"))
        status, body = async_to_sync(self.send_in_chunks)(f"{ROOT}notifications/{one.pk}/", [b'{"read":', b" true}"])
        self.assertEqual((status, body["read"]), (200, True))

    async def send_in_chunks(self, path, chunks):
        """What an ASGI server hands on of a request with chunked transfer encoding; status and body of the answer."""
        session = self.client.cookies["sessionid"].value
        headers = {
            "cookie": f"sessionid={session}; csrftoken={'t' * 32}",
            "x-csrftoken": "t" * 32,
            "host": "testserver",
        }
        headers |= {"content-type": JSON, "transfer-encoding": "chunked"}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "PATCH", "path": path, "query_string": b"", "headers": encoded}
        received = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        received = iter([*received, {"type": "http.request", "body": b"", "more_body": False}])
        sent = []

        async def receive():
            return next(received, None) or await asyncio.Event().wait()

        async def send(event):
            sent.append(event)

        await get_asgi_application()(scope, receive, send)
        return sent[0]["status"], json.loads(b"".join(event.get("body", b"") for event in sent))

    def test_a_hundred_thousand_ids_are_refused_and_five_hundred_are_not(self):
        made = self.make(2)
        for ids in (list(range(100_000)), [made[0].pk] * 100_000, list(range(501))):
            response = self.send("post", "notifications/mark/", {"ids": ids, "read": True})
            document = self.assert_problem(response, 400, "invalid_ids", "500", str(len(ids)))
            self.assertEqual(document["pointer"], "/ids")
        self.assertEqual(self.get("unread/")["unread"], 2)
        ids = [*range(made[0].pk + 10, made[0].pk + 509), made[0].pk]
        self.assertEqual(self.send("post", "notifications/mark/", {"ids": ids, "read": True}).json()["unread"], 1)

    def test_what_is_no_json_or_not_what_is_asked_for_is_refused_with_what_is_wrong(self):
        (one,) = self.make()
        detail, mark = f"notifications/{one.pk}/", "notifications/mark/"
        for path, body, code, *said in (
            (detail, b" ", "invalid_json", "line 1, column 2"),
            (detail, b"{", "invalid_json"),
            (detail, b'{"read": true,}', "invalid_json"),
            (detail, b'{"read": true, "read": false}', "invalid_json", "twice"),
            (detail, b'{"read": NaN}', "invalid_json", "NaN"),
            (detail, b"\xff\xfe{", "invalid_json", "UTF-8"),
            (detail, b"[" * 100_000, "invalid_json", "deeply"),
            (detail, b'{"read":' * 100_000, "invalid_json", "deeply"),
            (detail, b"9" * 100_000, "invalid_json"),
            (detail, b"[]", "invalid_body", "object"),
            (detail, b"{}", "missing_field", "'read'"),
            (detail, b'{"raed": true}', "unknown_field", "'raed'", "'read'"),
            (detail, b'{"read": "true"}', "wrong_type", "'true'"),
            (detail, b'{"read": 1}', "wrong_type", "true or false"),
            (detail, b'{"read": null}', "wrong_type"),
            (detail, b'{"read": true, "user": 1}', "unknown_field", "'user'"),
            (mark, b'{"ids": 1, "read": true}', "wrong_type", "array"),
            (mark, b'{"ids": {"1": 1}, "read": true}', "wrong_type"),
            (mark, b'{"ids": ["1"], "read": true}', "invalid_ids", "'1'"),
            (mark, b'{"ids": [true], "read": true}', "invalid_ids"),
            (mark, b'{"ids": [1.0], "read": true}', "invalid_ids"),
            (mark, b'{"ids": [null], "read": true}', "invalid_ids"),
            (mark, b'{"ids": [[1]], "read": true}', "invalid_ids"),
            (mark, b'{"ids": ["\\u0000"], "read": true}', "invalid_ids"),
            (mark, b'{"ids": ["\\ud800"], "read": true}', "invalid_ids"),
            (mark, b'{"\\ud800": 1}', "unknown_field"),
            (mark, b'{"ids": [%s], "read": true}' % (b"9" * 10_000), "invalid_json"),
            (mark, b'{"ids": []}', "missing_field", "'read'"),
        ):
            with self.subTest(path=path, body=body[:40]):
                method = "POST" if path == mark else "PATCH"
                response = self.client.generic(method, ROOT + path, body, content_type=JSON)
                self.assert_problem(response, 400, code, *said)
        self.assertEqual(self.get("unread/")["unread"], 1)

    def test_integers_that_no_database_has_as_an_id_are_unknown_ids(self):
        (one,) = self.make()
        ids = [2**31, 2**63 - 1, 2**63, 2**64 + one.pk, 10**400, 0, -one.pk, -(2**70)]
        for pk in ids:
            for method in ("get", "patch", "delete"):
                self.assert_problem(self.send(method, f"notifications/{pk}/", {"read": True}), 404, "not_found")
        document = self.send("post", "notifications/mark/", {"ids": [*ids, one.pk], "read": True}).json()
        self.assertEqual(document["changed"], 1)

    def test_what_is_no_integer_in_an_address_is_an_unknown_id(self):
        for text in (
            "x",
            "1.0",
            "%00",
            "1%00",
            "%EF%BC%91",
            "1e3",
            "+1",
            "%201",
            "null",
            "%F0%9F%92%A9",
            "-1",
            "1" * 5000,
        ):
            self.assert_problem(self.client.get(f"{ROOT}notifications/{text}/"), 404, "not_found")

    def test_another_content_type_is_refused_where_json_is_needed(self):
        (one,) = self.make()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            response = self.client.generic(
                "PATCH", f"{ROOT}notifications/{one.pk}/", '{"read": true}', content_type=kind
            )
            self.assert_problem(response, 415, "unsupported_media_type", "application/json")

    def test_more_parameters_than_the_site_takes_are_refused(self):
        with override_settings(DATA_UPLOAD_MAX_NUMBER_FIELDS=10):
            response = self.client.get(f"{ROOT}notifications/?" + "&".join(f"x{place}=1" for place in range(20)))
        self.assert_problem(response, 400, "too_much_data")

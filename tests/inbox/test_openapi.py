"""The OpenAPI document is valid, and says of each address just what it does."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from django.urls import resolve
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from notifications_counter.inbox import api, operations
from notifications_counter.inbox.api_body import MOST_BYTES
from notifications_counter.inbox.conf import LARGEST_PAGE
from notifications_counter.models import Notification
from tests.support.base import ROOT as ROOT_FOLDER

from .api import JSON, PROBLEM, ROOT, ApiTestCase
from .settings import with_inbox

METHODS = {"get", "put", "post", "delete", "patch", "trace"}


class OpenApiTest(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.document = self.get("openapi.json")
        self.answers: set[tuple[str, str, str]] = set()

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, methods in self.document["paths"].items():
            for method in METHODS & methods.keys():
                yield path, method, methods[method]

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in part:
            return part
        found = self.document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found

    def ask(self, method: str, path: str, status: int, *, query: str = "", **request: Any) -> Any:
        """Ask an address, and hold what it answers against the document."""
        asked = ROOT + path.removeprefix("/").format(**request.pop("values", {}))
        asked += f"?{query}" if query else ""
        client = request.pop("client", self.client)
        response = client.generic(method.upper(), asked, **{"content_type": JSON, **request})
        self.assertEqual(response.status_code, status, response.content[:300])
        said = self.resolved(self.document["paths"][path][method]["responses"][str(status)])
        for name in said["headers"]:
            self.assertIn(name, response.headers)
        if "content" in said:
            ((kind, content),) = said["content"].items()
            self.assertEqual(response["Content-Type"], kind)
            schema = {**content["schema"], "components": self.document["components"]}
            Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(response.json())
        else:
            self.assertEqual(response.content, b"")
        self.answers.add((path, method, str(status)))
        return response

    def test_it_is_valid(self):
        OpenAPIV31SpecValidator(self.document).validate()

    def test_it_has_each_address_with_each_method_and_no_other(self):
        described: dict[Any, set[str]] = {}
        for path, method, _ in self.operations():
            view = resolve(ROOT + path.removeprefix("/").format(id=1)).route
            described.setdefault(view, set()).add(method.upper())
        served = {}
        for pattern in api.urlpatterns:
            methods = set(pattern.callback.view_class(**pattern.callback.view_initkwargs).methods)
            served[f"inbox/api/{pattern.pattern}"] = methods - {"HEAD", "OPTIONS"}
        del served["inbox/api/openapi.json"]
        self.assertEqual(described, served)

    def test_it_names_the_parameters_and_limits_that_the_views_have(self):
        parameters = {one["name"]: one for one in self.document["paths"]["/notifications/"]["get"]["parameters"]}
        self.assertEqual(set(parameters), set(api.PARAMETERS))
        self.assertEqual(parameters["limit"]["schema"]["maximum"], LARGEST_PAGE)
        self.assertEqual(set(parameters["unread"]["schema"]["enum"]), set(api.BOOLEANS))
        schemas = self.document["components"]["schemas"]
        self.assertEqual(schemas["MarkMany"]["properties"]["ids"]["maxItems"], operations.MOST_IDS)
        self.assertEqual(
            schemas["Notification"]["properties"]["url"]["maxLength"], Notification._meta.get_field("url").max_length
        )
        self.assertIn(str(MOST_BYTES), self.document["components"]["responses"]["BodyTooLarge"]["description"])

    def test_each_answer_that_it_describes_is_given_as_it_says(self):
        one, *_ = self.make(3, kind="comment", actor=self.other, target=self.other, data={"a": [None]})
        self.make(2)
        own, no = {"id": one.pk}, {"id": one.pk + 1000}
        read, mark = json.dumps({"read": True}), json.dumps({"ids": [one.pk], "read": True})
        many, detail, several = "/notifications/", "/notifications/{id}/", "/notifications/mark/"
        page = self.ask("get", many, 200, query="limit=2&unread=true").json()
        self.ask("get", many, 200, query=urlsplit(page["next"]).query)
        self.assertEqual(parse_qs(urlsplit(page["next"]).query)["cursor"], [page["next_cursor"]])
        self.ask("get", many, 400, query="limit=0")
        etag = self.ask("get", "/unread/", 200)["ETag"]
        self.ask("get", "/unread/", 304, headers={"If-None-Match": etag})
        self.ask("get", detail, 200, values=own)
        self.ask("get", detail, 404, values=no)
        self.ask("patch", detail, 200, values=own, data=read)
        self.ask("patch", detail, 400, values=own, data="{")
        self.ask("patch", detail, 404, values=no, data=read)
        self.ask("patch", detail, 415, values=own, data=read, content_type="text/plain")
        self.ask("post", several, 200, data=mark)
        self.ask("post", several, 400, data=read)
        self.ask("post", several, 415, data=mark, content_type="text/plain")
        for path in ("/mark-all-seen/", "/mark-all-read/"):
            self.ask("post", path, 200)
            self.ask("post", path, 200, data="{}")
            self.ask("post", path, 400, data=read)
        self.ask_for_preferences(one.pk)
        self.ask("delete", detail, 200, values=own)
        self.ask("delete", detail, 404, values=own)
        self.ask_in_vain(own)
        described = {(path, method, status) for path, method, one in self.operations() for status in one["responses"]}
        self.assertEqual(self.answers, described)

    def ask_for_preferences(self, pk: int) -> None:
        about = {"type": "auth.user", "id": str(self.other.pk)}
        for path, method, body in (
            ("/preferences/", "patch", {"kinds": {"comment": False}}),
            ("/preferences/mute/", "post", {"ids": [pk]}),
            ("/preferences/unmute/", "post", {"targets": [about]}),
        ):
            with with_inbox(KINDS={"comment": {}}):
                self.ask(method, path, 200, data=json.dumps(body))
                self.ask("get", "/preferences/", 200)
            self.ask(method, path, 400, data=json.dumps({**body, "x": 1}))
            self.ask(method, path, 415, data=json.dumps(body), content_type="text/plain")

    def ask_in_vain(self, values: dict[str, Any]) -> None:
        """Each address without a session, and each change without a token and with too large a body."""
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(self.user)
        for path, method, _ in self.operations():
            self.ask(method, path, 401, values=values, client=Client())
            if method != "get":
                self.ask(method, path, 403, values=values, client=strict)
                self.ask(method, path, 413, values=values, data=" " * (MOST_BYTES + 1))

    def test_the_page_of_the_documentation_lists_each_code_and_each_address(self):
        page = (ROOT_FOLDER / "docs" / "inbox-api.rst").read_text()
        codes = self.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
        self.assertEqual(set(re.findall(r"^``(\w+)`` +4\d\d ", page, re.MULTILINE)), set(codes))
        addresses = {f"api{path.replace('{id}', 'ID')}" for path in self.document["paths"]} | {"api/openapi.json"}
        self.assertEqual(set(re.findall(r"^``(api/[^`]+)``", page, re.MULTILINE)), addresses)

    def test_each_code_of_a_problem_is_one_that_it_names(self):
        named = set(self.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
        for response in (
            self.client.put(f"{ROOT}unread/"),
            self.client.get(f"{ROOT}notifications/?x=1"),
            self.client.post(f"{ROOT}notifications/mark/", b"[]", content_type=JSON),
        ):
            self.assertEqual(response["Content-Type"], PROBLEM)
            self.assertIn(response.json()["code"], named)

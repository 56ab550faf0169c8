"""Who adds products by a program, as the demo prints it for curl."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

PATIENCE = 60


class Visitor:
    """Asks a site over HTTP.

    Args:
        base: the address of the site, without a path.
        key: the API key.
    """

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base, key

    def ask(self, path: str, data: dict[str, str] | None = None, key: str | None = None) -> tuple[int, Any, Any]:
        """Status, headers and JSON of an answer."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.key if key is None else key}"}
        body = None if data is None else urlencode(data).encode()
        request = urllib.request.Request(self.base + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                said = answer.read()
            return answer.code, answer.headers, json.loads(said) if said.startswith(b"{") else None

    def add(self, title: str, picture: str, category: str = "") -> tuple[int, Any, Any]:
        return self.ask("/products/", {"title": title, "image_url": self.picture(picture), "category": category})

    def picture(self, name: str) -> str:
        return f"{self.base}/products/samples/{name}.png"

    def wait_for(self, address: str) -> dict[str, Any]:
        """What has become of a product, when it is not processed any more."""
        end = time.monotonic() + PATIENCE
        while True:
            status, _, said = self.ask(address)
            if status != 200 or said["status"] != 2 or time.monotonic() > end:
                return dict(said or {"status": None})
            time.sleep(0.1)

"""Pictures are fetched from a real server, and only those that may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from django.test import SimpleTestCase
from PIL import Image
from products.fetching import ImageRefused, ImageUnavailable, Limits, fetch, is_public, target_of
from products.thumbnails import SIZES, thumbnails

from tests.support.servers import HOST

from .demo import once


def picture(width: int, height: int, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "#3552d1").save(out, kind, **options)
    return out.getvalue()


class Host(BaseHTTPRequestHandler):
    """What there is on the web."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        answer: Callable[[], None] = getattr(self, f"get_{self.path.strip('/').split('?')[0].replace('-', '_')}")
        try:
            answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass

    def say(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Type": "image/png", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        if length != -1:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def get_good(self) -> None:
        self.say(200, b"a picture")

    def get_with_query(self) -> None:
        self.say(200, self.path.encode())

    def get_page(self) -> None:
        self.say(200, b"<h1>", Content_Type="text/html")

    def get_packed(self) -> None:
        self.say(200, b"x", Content_Encoding="gzip")

    def get_missing(self) -> None:
        self.say(404)

    def get_busy(self) -> None:
        self.say(503)

    def get_large(self) -> None:
        self.say(200, length=10**9)

    def get_endless(self) -> None:
        self.say(200, length=-1)
        while True:
            self.wfile.write(b"x" * 10_000)

    def get_cut_off(self) -> None:
        self.say(200, b"half", length=8)
        self.close_connection = True

    def get_slow_body(self) -> None:
        self.say(200, length=-1)
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def get_slow_head(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def get_moved(self) -> None:
        self.say(302, Location="/good")

    def get_moved_for_ever(self) -> None:
        self.say(302, Location="/moved-for-ever")

    def get_moved_to_another_host(self) -> None:
        self.say(302, Location="http://192.0.2.1/good")

    def get_moved_to_a_private_host(self) -> None:
        self.say(302, Location=f"http://localhost:{self.server.server_port}/good")  # type: ignore[attr-defined]

    def get_moved_to_a_file(self) -> None:
        self.say(302, Location="file:///etc/passwd")


@once
class FetchingTest(SimpleTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.host = ThreadingHTTPServer((HOST, 0), Host)
        cls.host.daemon_threads = True
        cls.host.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=cls.host.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.host.server_close)
        cls.addClassCleanup(cls.host.shutdown)
        port = cls.host.server_port
        cls.base = f"http://{HOST}:{port}"
        cls.private = f"http://localhost:{port}"
        cls.limits = Limits([f"{HOST}:{port}", f"localhost:{port}"], [f"{HOST}:{port}"], size=50_000, seconds=0.8)

    def setUp(self) -> None:
        self.host.asked.clear()  # type: ignore[attr-defined]

    def fetch(self, path: str) -> bytes:
        return fetch(f"{self.base}/{path}", self.limits)

    def test_a_picture_is_fetched(self) -> None:
        self.assertEqual(self.fetch("good"), b"a picture")
        self.assertEqual(self.fetch("with-query?a=b%20c&d=ü"), b"/with-query?a=b%20c&d=%C3%BC")

    def test_redirects_are_followed(self) -> None:
        self.assertEqual(self.fetch("moved"), b"a picture")

    def test_what_will_never_be_taken_is_refused(self) -> None:
        for path, said in {
            "page": "no picture, but text/html",
            "packed": "no picture",
            "missing": "status 404",
            "large": "larger than 50,000 bytes",
            "endless": "larger than 50,000 bytes",
            "moved-for-ever": "More than 3 redirects",
            "moved-to-another-host": "not taken from 192.0.2.1",
            "moved-to-a-private-host": "private address",
            "moved-to-a-file": "must begin with http",
        }.items():
            with self.subTest(path), self.assertRaisesRegex(ImageRefused, said):
                self.fetch(path)

    def test_what_may_pass_is_not_refused_for_good(self) -> None:
        for path, said in {"busy": "status 503", "cut-off": "IncompleteRead"}.items():
            with self.subTest(path), self.assertRaisesRegex(ImageUnavailable, said):
                self.fetch(path)

    def test_a_host_that_sends_a_byte_now_and_then_keeps_nobody(self) -> None:
        for path in ("slow-body", "slow-head"):
            began = time.monotonic()
            with self.subTest(path), self.assertRaisesRegex(ImageUnavailable, "took too long"):
                self.fetch(path)
            self.assertLess(time.monotonic() - began, 3)

    def test_a_name_with_a_private_address_is_not_even_connected_to(self) -> None:
        with self.assertRaisesRegex(ImageRefused, "private address"):
            fetch(f"{self.private}/good", self.limits)
        self.assertEqual(self.host.asked, [])  # type: ignore[attr-defined]

    def test_only_addresses_that_everybody_reaches_are_public(self) -> None:
        for address in (
            *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
            *("::1", "fe80::1%eth0", "fc00::1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"),
        ):
            with self.subTest(address):
                self.assertFalse(is_public(address))
        for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
            with self.subTest(address):
                self.assertTrue(is_public(address))

    def test_addresses_are_held_against_the_list_as_they_are_connected_to(self) -> None:
        limits = Limits(["images.example.com", "*.example.org", "example.net:8080"])
        for url in ("https://images.example.com/a", "http://IMAGES.example.com./a", "http://a.example.org",
                    "http://example.net:8080/"):  # fmt: skip
            with self.subTest(url):
                target_of(url, limits)
        for url in (
            *("http://example.com/a", "http://images.example.com.evil.com/", "http://images.example.com@evil.com/"),
            *("http://user@images.example.com/", "http://images.example.com:22/", "ftp://images.example.com/"),
            *("http://example.org/", "http://notexample.org/", "http://evil.com\\@images.example.com/", "http://", ""),
            *(
                "http://[::1/",
                "http://images.example.com:x/",
                "javascript:alert(1)",
                "http://evil.com#images.example.com",
            ),
        ):
            with self.subTest(url), self.assertRaises(ImageRefused):
                target_of(url, limits)


@once
class ThumbnailsTest(SimpleTestCase):
    def test_there_is_one_of_each_size_no_larger_than_that(self) -> None:
        for kind in ("PNG", "JPEG", "WEBP", "GIF"):
            made = thumbnails(picture(800, 400, kind))
            sizes = {size: Image.open(BytesIO(content)).size for size, content in made.items()}
            self.assertEqual(sizes, {size: (size, size // 2) for size in SIZES}, kind)

    def test_a_small_file_of_too_many_pixels_is_refused_before_it_is_unpacked(self) -> None:
        bomb = picture(9000, 9000)
        self.assertLess(len(bomb), 300_000)
        with self.assertRaisesRegex(ImageRefused, "more than 25,000,000 pixels"):
            thumbnails(bomb)

    def test_what_is_no_picture_is_refused(self) -> None:
        for data in (b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", picture(100, 100, "JPEG")[:-200], picture(9, 9, "TIFF")):
            with self.subTest(data[:10]), self.assertRaises(ImageRefused):
                thumbnails(data)

"""Programs and people, told by what they send."""

from django.test import RequestFactory, SimpleTestCase

from notifications_counter.contrib.clicks.crawlers import is_crawler
from notifications_counter.contrib.clicks.visitors import is_program

from .user_agents import IN_APP, PREVIEWS, examples, real_browsers


class CrawlerTests(SimpleTestCase):
    def test_99_percent_of_the_examples_of_crawlers_are_flagged(self) -> None:
        texts = examples()
        self.assertGreater(len(texts), 1500)
        missed = [text for text in texts if not is_crawler(text)]
        self.assertLessEqual(len(missed), len(texts) / 100, missed)

    def test_no_real_browser_is_flagged(self) -> None:
        browsers = real_browsers()
        self.assertGreaterEqual(len(browsers), 500)
        self.assertEqual([text for text in browsers if is_crawler(text)], [])

    def test_previews_of_messengers_are_flagged(self) -> None:
        self.assertEqual([text for text in PREVIEWS if not is_crawler(text)], [])

    def test_browsers_in_apps_are_not(self) -> None:
        self.assertEqual([text for text in IN_APP if is_crawler(text)], [])

    def test_libraries_are_flagged(self) -> None:
        for text in ["curl/8.5.0", "python-requests/2.32.0", "Wget/1.21", "Go-http-client/2.0", "okhttp/4.12.0"]:
            with self.subTest(text):
                self.assertTrue(is_crawler(text))

    def test_a_long_text_takes_no_long_time(self) -> None:
        for text in ["a" * 1_000_000, "Mozilla/5.0 (" + ";" * 500_000, "1.1." * 200_000]:
            is_program(RequestFactory().get("/", headers={"User-Agent": text}))

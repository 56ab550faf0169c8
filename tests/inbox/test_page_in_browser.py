"""The page of the inbox in a browser: with a script, without one, by keyboard, narrow, and for a screen reader."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings

from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.models import Notification
from tests.support.browser import BrowserTestCase, once

from .samples import fill, with_kinds

UNREAD = ".nc-unread"

# A site that says nothing of dark colors, has a bar in each of its ``nav``, and keeps its ``header`` in view.
SITE = """<!doctype html>
<html lang="en">
<head>
<title>{% block title %}{% endblock %}</title>
{% block head %}{% include "notifications_counter/inbox/head.html" %}{% endblock %}
<style>
html { SCHEME }
nav { display: flex; position: fixed; padding: 2rem; background: #004d40; color: #fff }
header { position: sticky; top: 0; padding: 3rem; background: #004d40 }
nav li { margin: 2rem }
</style>
</head>
<body><main>{% block inbox %}{% endblock %}</main></body>
</html>"""


def within_a_site(scheme: str = "") -> override_settings:
    """The page in the base template of a site, whose style sheet has this for its ``html``."""
    base = SITE.replace("SCHEME", scheme)
    loaders = [
        ("django.template.loaders.locmem.Loader", {"notifications_counter/inbox/base.html": base}),
        "django.template.loaders.app_directories.Loader",
    ]
    (engine,) = settings.TEMPLATES
    options = {**engine["OPTIONS"], "loaders": loaders}
    return override_settings(TEMPLATES=[{**engine, "APP_DIRS": False, "OPTIONS": options}])


STATUS = "body > [role=status]"


@with_kinds()
class PageTestCase(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.filled = fill(self.user)

    def open(self, query: str = "", **options: Any) -> Any:
        """The page, once its script has run."""
        page = self.new_page(self.user, **options)
        page.goto(f"/inbox/{query}", wait_until="networkidle")
        return page

    def unread(self) -> int:
        return Notification.objects.of(self.user).unread().count()

    def style(self, page: Any, where: str, name: str) -> str:
        return page.locator(where).first.evaluate("(one, name) => getComputedStyle(one)[name]", name)

    def focused(self, page: Any) -> str:
        return page.evaluate("document.activeElement.id")


@once
class ScriptTest(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.page = self.open()
        self.page.evaluate("window.stayed = true")

    def said(self, text: str) -> None:
        """Wait until a screen reader is told something."""
        self.page.locator(STATUS, has_text=text).wait_for(state="attached")

    def test_marking_and_deleting_reload_nothing_and_keep_the_focus(self) -> None:
        first, group = self.filled[0].pk, self.filled[1].pk
        toggle = f"inbox-toggle-{first}"
        self.page.click(f"#{toggle}")
        self.said("Marked as read.")
        self.assertEqual((self.unread(), self.focused(self.page)), (6, toggle))
        self.assertEqual(self.page.title(), "(6) Inbox")
        self.page.click(f"#{toggle}")
        self.said("Marked as unread.")
        self.assertEqual(self.unread(), 7)
        self.page.click(f"#inbox-delete-{group}")
        self.said("Deleted.")
        self.assertEqual(self.unread(), 2)
        self.assertEqual(self.focused(self.page), f"inbox-open-{self.filled[6].pk}")
        self.page.click("#inbox-mark-all")
        self.said("All marked as read.")
        self.assertEqual((self.unread(), self.page.locator(UNREAD).count()), (0, 0))
        self.assertTrue(self.page.evaluate("window.stayed"))

    def test_what_was_done_and_what_has_failed_is_shown_for_a_while(self) -> None:
        shown = self.page.locator(".nc-status")
        self.page.click("#inbox-mark-all")
        shown.get_by_text("All marked as read.").wait_for()
        self.assert_accessible(self.page)
        shown.wait_for(state="detached", timeout=10_000)
        self.page.route("**/delete/**", lambda route: route.abort())
        self.page.click(f"#inbox-delete-{self.filled[0].pk}")
        shown.get_by_text("That did not work.").wait_for()
        self.page.click("text=Comments")
        self.said("The list has been loaded.")
        self.assertEqual(shown.count(), 0)

    def test_tabs_and_pages_reload_nothing_and_the_back_button_leads_back(self) -> None:
        self.page.click("text=Comments")
        self.said("The list has been loaded.")
        self.assertTrue(self.page.url.endswith("?kind=comment"))
        self.assertEqual(self.page.locator(".nc-item").count(), 2)
        self.page.go_back()
        self.page.locator("#inbox-kind-1[aria-current]").wait_for()
        self.assertEqual(self.page.locator(".nc-item").count(), 8)
        self.assertTrue(self.page.evaluate("window.stayed"))

    def test_many_clicks_at_once_are_all_done(self) -> None:
        buttons = ".nc-unread [id^=inbox-toggle]"
        self.page.evaluate(f"for (const button of document.querySelectorAll('{buttons}')) button.click()")
        self.page.locator("#inbox-mark-all[disabled]").wait_for()
        self.assertEqual(self.unread(), 0)

    def test_what_fails_is_said_and_changes_nothing(self) -> None:
        self.page.route("**/mark-as-read/**", lambda route: route.abort())
        self.page.click(f"#inbox-toggle-{self.filled[0].pk}")
        self.said("That did not work.")
        self.page.context.clear_cookies(name="csrftoken")
        with self.page.expect_response("**/delete/**"):
            self.page.click(f"#inbox-delete-{self.filled[0].pk}")
        self.said("That did not work.")
        self.assertEqual((self.unread(), self.page.locator(UNREAD).count()), (7, 3))

    def test_a_session_that_has_ended_leads_to_the_login(self) -> None:
        self.page.context.clear_cookies(name="sessionid")
        self.page.click(f"#inbox-toggle-{self.filled[0].pk}")
        self.page.wait_for_url("**/login/?next=/inbox/")

    def test_opening_marks_as_read_and_leads_there_and_back_it_is_read(self) -> None:
        self.page.click(f"#inbox-open-{self.filled[1].pk}")
        self.page.wait_for_url("**/things/1/")
        self.assertEqual(self.unread(), 2)
        self.page.go_back()
        self.page.locator("text=5 notifications").wait_for()
        self.page.wait_for_function("document.querySelectorAll('.nc-unread').length === 2")

    def test_looking_at_it_marks_as_seen(self) -> None:
        numbers = numbers_of(self.user)
        self.assertEqual((numbers.unread, numbers.unseen), (7, 0))


@once
class PrerenderTest(PageTestCase):
    def test_a_page_that_nobody_looks_at_marks_nothing_as_seen(self) -> None:
        page = self.new_page(self.user)
        page.add_init_script("Object.defineProperty(document, 'prerendering', {value: true, configurable: true})")
        page.goto("/inbox/", wait_until="networkidle")
        self.assertEqual(numbers_of(self.user).unseen, 7)
        with page.expect_response("**/mark-as-seen/**"):
            page.evaluate("delete document.prerendering; document.dispatchEvent(new Event('prerenderingchange'))")
        self.assertEqual(numbers_of(self.user).unseen, 0)


@once
class NoScriptTest(PageTestCase):
    def test_everything_works_without_a_script(self) -> None:
        page = self.open("?show=unread", java_script_enabled=False)
        self.assertEqual(numbers_of(self.user).unseen, 7)
        page.click("text=Mark all as seen")
        self.assertEqual(numbers_of(self.user).unseen, 0)
        page.click(f"#inbox-toggle-{self.filled[1].pk}")
        self.assertEqual((self.unread(), page.locator(".nc-item").count()), (2, 2))
        self.assertIn("?show=unread", page.url)
        page.click("text=All")
        page.click(f"#inbox-toggle-{self.filled[1].pk}")
        self.assertEqual(self.unread(), 7)
        page.click(f"#inbox-delete-{self.filled[0].pk}")
        page.click("text=Comments")
        page.click("#inbox-mark-all")
        self.assertEqual(self.unread(), 1)
        page.click(f"#inbox-open-{self.filled[1].pk}")
        self.assertTrue(page.url.endswith("/things/1/"))

    def test_pages_are_links(self) -> None:
        with with_kinds(PAGE_SIZE=5):
            page = self.open(java_script_enabled=False)
            for name in ("older", "older", "newer", "newest"):
                page.click(f"#inbox-{name}")
            self.assertEqual(page.locator("#inbox-newer").count(), 0)


@once
class KeyboardTest(PageTestCase):
    def tab_to(self, page: Any, name: str) -> None:
        """Press Tab until something has the focus."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if self.focused(page) == name:
                return
        self.fail(f"{name} cannot be reached by Tab")

    def test_the_inbox_by_keyboard_alone(self) -> None:
        page = self.open()
        first, second = self.filled[0].pk, self.filled[1].pk
        self.tab_to(page, f"inbox-toggle-{first}")
        page.keyboard.press("Enter")
        page.locator(f"#inbox-{first}:not({UNREAD})").wait_for()
        self.tab_to(page, f"inbox-delete-{first}")
        page.keyboard.press("Space")
        page.locator(f"#inbox-{first}").wait_for(state="detached")
        self.assertEqual(self.focused(page), f"inbox-open-{second}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        self.assertTrue(page.locator(f"#inbox-{second} details").get_attribute("open") is not None)
        page.goto("/inbox/")
        self.tab_to(page, "inbox-kind-2")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?kind=comment")
        self.assertEqual(self.focused(page), "inbox-kind-2")
        self.tab_to(page, f"inbox-open-{second}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/things/1/")
        self.assertEqual(self.unread(), 1)

    def test_what_has_the_focus_can_be_seen(self) -> None:
        page = self.open()
        for _ in range(14):
            page.keyboard.press("Tab")
            width = page.evaluate(
                "Math.max(...['', '::after'].map(part => {"
                "  const style = getComputedStyle(document.activeElement, part || null);"
                "  return style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);"
                "}))"
            )
            self.assertGreaterEqual(width, 2, self.focused(page))


@once
class LookTest(PageTestCase):
    def test_axe_finds_nothing_in_light_and_in_dark(self) -> None:
        for scheme in ("light", "dark"):
            page = self.open(color_scheme=scheme)
            for query in ("", "?show=unread", "?kind=like&show=unread"):
                page.goto(f"/inbox/{query}", wait_until="networkidle")
                self.assert_accessible(page)
            page.goto("/inbox/", wait_until="networkidle")
            page.click("summary")
            self.assert_accessible(page)

    def test_the_preferences_are_accessible_and_fit_too(self) -> None:
        for scheme in ("light", "dark"):
            page = self.open("preferences/", color_scheme=scheme, viewport={"width": 320, "height": 800})
            self.assert_accessible(page)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320)

    def test_within_a_light_site_it_is_light_also_where_the_browser_prefers_dark(self) -> None:
        with within_a_site():
            page = self.open(color_scheme="dark", bypass_csp=True)
            self.assert_accessible(page)
            self.assertEqual(self.style(page, ".nc-list", "backgroundColor"), "rgb(255, 255, 255)")
            page.goto("/inbox/preferences/")
            self.assert_accessible(page)

    def test_within_a_dark_site_it_is_dark(self) -> None:
        with within_a_site("color-scheme: dark; background: #111"):
            page = self.open(bypass_csp=True)
            self.assert_accessible(page)
            self.assertEqual(self.style(page, ".nc-list", "backgroundColor"), "rgb(25, 29, 39)")

    def test_what_a_site_says_of_its_own_bars_changes_nothing(self) -> None:
        with within_a_site():
            page = self.open(bypass_csp=True)
            for bar in (".nc-header", ".nc-kinds"):
                found = [self.style(page, bar, name) for name in ("position", "paddingTop", "backgroundColor")]
                self.assertEqual(found, ["static", "0px", "rgba(0, 0, 0, 0)"], bar)
            self.assertEqual(self.style(page, ".nc-kinds li", "marginTop"), "0px")
            self.assertEqual(self.style(page, ".nc-states", "position"), "static")

    def test_a_required_kind_has_a_box_as_large_as_the_others(self) -> None:
        label = "What is important for the security of your account"
        with with_kinds(KINDS={"like": {}, "security": {"label": label, "required": True}}):
            page = self.open("preferences/", viewport={"width": 320, "height": 800})
            widths = page.locator(".nc-choice input[type=checkbox]").evaluate_all("all => all.map(i => i.offsetWidth)")
        self.assertEqual(set(widths), {20})

    def test_nothing_is_wider_than_the_window(self) -> None:
        Notification.objects.create(user=self.user, text="x" * 300, kind="y" * 60, url="/z/")
        for width in (320, 480, 768, 1280):
            page = self.open(viewport={"width": width, "height": 800})
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)

    def test_unread_ones_are_told_apart_without_colors(self) -> None:
        page = self.open(forced_colors="active")
        self.assertEqual(page.locator(".nc-dot").count(), 3)
        self.assertEqual(page.get_by_text("Unread:", exact=True).count(), 3)
        weights = [
            page.locator(each).first.evaluate("one => getComputedStyle(one).fontWeight")
            for each in (f"{UNREAD} .nc-text", f".nc-item:not({UNREAD}) .nc-text")
        ]
        self.assertGreater(int(weights[0]), int(weights[1]))

    def test_every_button_has_a_name_of_its_own(self) -> None:
        page = self.open()
        names = page.locator(".nc-action").evaluate_all("all => all.map(one => one.ariaLabel)")
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("Mark as read: Hedy Lamarr mentioned you in “Frequency hopping, explained”", names)

    def test_script_in_what_others_write_does_not_run(self) -> None:
        evil = "<img src=x onerror=alert(1)>"
        actor = User.objects.create(username=evil, first_name=evil)
        Notification.objects.create(
            user=self.user, actor=actor, text=f"does {evil}", kind=evil, url="javascript:alert(1)"
        )
        page = self.new_page(self.user)
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.goto("/inbox/", wait_until="networkidle")
        self.assertEqual(page.locator(".nc-inbox img").count(), 0)
        page.locator(".nc-open").first.click()
        page.wait_for_url(re.compile("/inbox/#inbox-"))

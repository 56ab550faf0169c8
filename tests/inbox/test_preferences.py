"""Preferences: what users have chosen and muted is what notify honours; by the page, and by the API."""

import uuid

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications_counter.exceptions import InvalidSettings
from notifications_counter.inbox import Sent, notify
from notifications_counter.inbox.conf import inbox_settings
from notifications_counter.inbox.models import KindChoice, Mute
from notifications_counter.inbox.preferences import InvalidChoice, choose, mute
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase
from tests.testapp.models import Team, Ticket

from .api import ApiTestCase
from .settings import with_inbox

KINDS = {
    "comment": {"label": "Comments"},
    "digest": {"label": "Weekly <digest>", "default": False},
    "security": {"required": True},
}


class HonouredTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(with_inbox(KINDS=KINDS))
        self.users = self.make_users(4)

    def got(self):
        found = sorted(Notification.objects.values_list("user__username", flat=True))
        Notification.objects.all().delete()
        return found

    def test_who_has_switched_a_kind_off_gets_none_of_it_and_all_else(self):
        choose(self.users[0], {"comment": False})
        self.assertEqual(notify(User.objects.all(), "x", kind="comment", slice_size=3), Sent(sent=3, unwanted=1))
        self.assertEqual(self.got(), ["user1", "user2", "user3"])
        for kind in ("", "like", "security"):
            self.assertEqual(notify(self.users, "x", kind=kind), Sent(sent=4))
        self.assert_exact(self.users)

    def test_a_kind_that_is_off_goes_to_those_who_want_it(self):
        choose(self.users[1], {"digest": True})
        self.assertEqual(notify(self.users, "x", kind="digest"), Sent(sent=1, unwanted=3))
        self.assertEqual(self.got(), ["user1"])

    def test_a_kind_that_has_become_required_goes_to_everybody(self):
        choose(self.users[0], {"comment": False})
        with with_inbox(KINDS={"comment": {"required": True}}):
            self.assertEqual(notify(self.users, "x", kind="comment"), Sent(sent=4))

    def test_whoever_has_chosen_nothing_follows_a_default_that_changes(self):
        choose(self.users[0], {"comment": False})
        choose(self.users[1], {"comment": True})
        with with_inbox(KINDS={"comment": {"default": False}}):
            self.assertEqual(notify(self.users, "x", kind="comment"), Sent(unwanted=4))

    def test_only_what_is_not_the_default_is_stored(self):
        choose(self.users[0], {"comment": True, "digest": False, "security": True})
        self.assertEqual(KindChoice.objects.count(), 0)
        for value, rows in ((True, 1), (True, 1), (False, 0)):
            choose(self.users[0], {"digest": value})
            self.assertEqual(KindChoice.objects.filter(user=self.users[0], kind="digest", wanted=True).count(), rows)

    def test_what_cannot_be_chosen_is_refused_and_nothing_changes(self):
        for wanted in ({"comment": False, "coment": True}, {"comment": False, "security": False}, {"comment": 0}):
            with self.subTest(wanted), self.assertRaises(InvalidChoice):
                choose(self.users[0], wanted)
        self.assertEqual(KindChoice.objects.count(), 0)

    def test_what_is_no_choice_and_no_notifications_is_refused_in_words(self):
        with self.assertRaisesMessage(InvalidChoice, "Give each kind with true or false"):
            choose(self.users[0], ["comment"])
        with self.assertRaisesMessage(InvalidChoice, "by notifications about it"):
            mute(self.users[0], 5)

    def test_who_has_muted_a_target_gets_nothing_about_it_but_what_everybody_gets(self):
        ticket, other, team = Ticket.objects.create(), Ticket.objects.create(), Team.objects.create()
        notify(self.users, "x", target=ticket)
        self.assertEqual(mute(self.users[0], Notification.objects.all()), 1)
        self.got()
        self.assertEqual(notify(self.users, "x", kind="comment", target=ticket), Sent(sent=3, unwanted=1))
        self.assertEqual(self.got(), ["user1", "user2", "user3"])
        for target, kind in ((other, "comment"), (team, "comment"), (None, "comment"), (ticket, "security")):
            self.assertEqual(notify(self.users, "x", kind=kind, target=target), Sent(sent=4))

    def test_both_at_once_take_one_query_a_slice_and_required_kinds_none(self):
        ticket = Ticket.objects.create()
        choose(self.users[0], {"comment": False})
        notify(self.users[1], "x", target=ticket)
        mute(self.users[1], Notification.objects.all())
        numbers = []
        for kind, sent in (("comment", 2), ("security", 4)):
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(notify(self.users, "x", kind=kind, target=ticket, key=str(uuid.uuid4())).sent, sent)
            asked = [query["sql"] for query in queries if "kindchoice" in query["sql"] or "_mute" in query["sql"]]
            numbers.append(len(asked))
        self.assertEqual(numbers, [1, 0])

    def test_whoever_wants_it_again_gets_it_from_a_run_with_the_same_key(self):
        choose(self.users[0], {"comment": False})
        notify(self.users, "x", kind="comment", key="a")
        choose(self.users[0], {"comment": True})
        self.assertEqual(notify(self.users, "x", kind="comment", key="a"), Sent(sent=1, already_sent=3))

    def test_kinds_that_cannot_be_described_so_are_refused(self):
        for kinds in (
            {"a": {"default": 1}},
            {"a": {"required": "yes"}},
            {"a": {"required": True, "default": False}},
            {"a": {"defualt": True}},
        ):
            with self.subTest(kinds), with_inbox(KINDS=kinds), self.assertRaises(InvalidSettings):
                inbox_settings()


class PageTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(with_inbox(KINDS=KINDS))
        self.user, self.other = self.make_users(2)
        self.client.force_login(self.user)
        self.page = reverse("notifications_counter:preferences")

    def save(self, shown=("comment", "digest"), wanted=(), client=None):
        return (client or self.client).post(self.page, {"shown": shown, "wanted": wanted})

    def test_it_shows_each_kind_with_what_is_chosen(self):
        choose(self.user, {"digest": True})
        page = self.client.get(self.page)
        self.assertContains(page, '<input type="checkbox" name="wanted" value="comment" checked>', html=True)
        self.assertContains(page, '<input type="checkbox" name="wanted" value="digest" checked>', html=True)
        self.assertContains(page, '<input type="checkbox" name="wanted" value="security" checked disabled>', html=True)
        self.assertContains(page, "Weekly &lt;digest&gt;")
        self.assertIn("no-store", page["Cache-Control"])

    def test_the_form_saves_what_is_ticked(self):
        page = self.client.post(self.page, {"shown": ["comment", "digest"], "wanted": ["digest"]}, follow=True)
        self.assertContains(page, "have been saved")
        self.assertEqual(notify(self.user, "x", kind="comment"), Sent(unwanted=1))
        self.assertEqual(notify(self.user, "x", kind="digest"), Sent(sent=1))
        self.assertEqual(KindChoice.objects.filter(user=self.other).count(), 0)

    def test_a_form_that_names_another_kind_is_refused(self):
        for shown in (["like"], ["security"], ["comment", ""], ["\0"]):
            self.assertEqual(self.save(shown).status_code, 400)
        self.assertEqual(KindChoice.objects.count(), 0)

    def test_muting_from_the_inbox_and_back_on_the_page(self):
        team = User.objects.create(username="<b>target</b>")
        notify([self.user, self.other], "x", target=team)
        own = Notification.objects.get(user=self.user)
        self.assertContains(
            self.client.get(reverse("notifications_counter:inbox")), reverse("notifications_counter:mute")
        )
        response = self.client.post(reverse("notifications_counter:mute"), {"id": own.pk})
        self.assertEqual(response.status_code, 302)
        self.assertEqual(notify([self.user, self.other], "x", target=team), Sent(sent=1, unwanted=1))
        page = self.client.get(self.page)
        self.assertContains(page, "&lt;b&gt;target&lt;/b&gt;")
        values = {"type": "auth.user", "id": str(team.pk)}
        self.client.post(reverse("notifications_counter:unmute"), values)
        self.assertEqual(Mute.objects.count(), 0)
        self.assertEqual(notify(self.user, "x", target=team), Sent(sent=1))

    def test_the_target_of_somebody_elses_notification_is_not_muted(self):
        notify(self.other, "x", target=self.other)
        theirs = Notification.objects.get()
        self.client.post(reverse("notifications_counter:mute"), {"id": theirs.pk})
        self.assertEqual(Mute.objects.count(), 0)

    def test_nobody_unmutes_for_somebody_else(self):
        notify(self.other, "x", target=self.user)
        mute(self.other, Notification.objects.all())
        self.client.post(reverse("notifications_counter:unmute"), {"type": "auth.user", "id": str(self.user.pk)})
        self.assertEqual(Mute.objects.get().user, self.other)

    def test_what_is_muted_and_gone_behind_djangos_back_is_shown_by_its_number(self):
        ticket = Ticket.objects.create()
        notify(self.user, "x", target=ticket)
        mute(self.user, Notification.objects.all())
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM testapp_ticket")
        self.assertContains(self.client.get(self.page), f"ticket {ticket.pk}")

    def test_it_needs_a_login_and_each_change_the_token_and_post(self):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(self.user)
        for name, values in (("preferences", {"shown": "comment"}), ("mute", {"id": 1}), ("unmute", {"id": 1})):
            url = reverse(f"notifications_counter:{name}")
            self.assertTrue(Client().post(url, values)["Location"].startswith("/login/"))
            self.assertEqual(strict.post(url, values).status_code, 403)
            if name != "preferences":
                self.assertEqual(self.client.get(url).status_code, 405)
        self.assertEqual(KindChoice.objects.count(), 0)


class ApiTest(ApiTestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(with_inbox(KINDS=KINDS))

    def test_it_answers_and_changes_the_own_preferences(self):
        choose(self.other, {"comment": False})
        expected = [
            {"kind": "comment", "label": "Comments", "wanted": True, "default": True, "required": False},
            {"kind": "digest", "label": "Weekly <digest>", "wanted": False, "default": False, "required": False},
            {"kind": "security", "label": "Security", "wanted": True, "default": True, "required": True},
        ]
        self.assertEqual(self.get("preferences/"), {"kinds": expected, "muted": []})
        expected[1]["wanted"] = True
        changed = self.send("patch", "preferences/", {"kinds": {"digest": True}})
        self.assertEqual(changed.json(), {"kinds": expected, "muted": []})
        self.assertEqual(self.get("preferences/"), changed.json())
        self.assertEqual(notify([self.user, self.other], "x", kind="digest"), Sent(sent=1, unwanted=1))

    def test_it_mutes_the_targets_of_own_notifications_alone(self):
        (own,), (theirs,) = self.make(target=self.user), self.make(user=self.other, target=self.other)
        (without,) = self.make()
        muted = self.send("post", "preferences/mute/", {"ids": [own.pk, theirs.pk, without.pk, 10**9]}).json()["muted"]
        self.assertEqual(muted, [{"type": "auth.user", "id": str(self.user.pk)}])
        self.assertEqual(self.send("post", "preferences/mute/", {"ids": [own.pk]}).json()["muted"], muted)
        mute(self.other, Notification.objects.all())
        theirs = {"type": "auth.user", "id": str(self.other.pk)}
        self.assertEqual(self.send("post", "preferences/unmute/", {"targets": [theirs]}).json()["muted"], muted)
        self.assertEqual(self.send("post", "preferences/unmute/", {"targets": muted}).json()["muted"], [])
        self.assertEqual(Mute.objects.get().user, self.other)

    def test_what_cannot_be_is_refused_with_what_is_wrong(self):
        for method, path, body, code, said in (
            ("patch", "", {"kinds": {"like": True}}, "invalid_choice", "'like'"),
            ("patch", "", {"kinds": {"security": False}}, "invalid_choice", "'security'"),
            ("patch", "", {"kinds": {"comment": None}}, "invalid_choice", "true or false"),
            ("patch", "", {"kinds": {"\ud800": True}}, "invalid_choice", "kind"),
            ("patch", "", {"kinds": []}, "wrong_type", "an object"),
            ("post", "mute/", {"ids": ["1"]}, "invalid_ids", "'1'"),
            ("post", "mute/", {"ids": [1] * 501}, "invalid_ids", "500"),
            ("post", "unmute/", {"targets": [1]}, "invalid_targets", "object"),
            ("post", "unmute/", {"targets": [{"type": "auth.user"}]}, "invalid_targets", "id"),
            ("post", "unmute/", {"targets": [{"type": "auth.user", "id": 1}]}, "invalid_targets", "text"),
            ("post", "unmute/", {"targets": [{"type": "a\0", "id": "1"}]}, "invalid_targets", "text"),
            ("post", "unmute/", {"targets": [{"type": "a.b", "id": "\ud800"}]}, "invalid_targets", "text"),
            ("post", "unmute/", {"targets": [{"type": "a.b", "id": "1"}] * 101}, "invalid_targets", "100"),
        ):
            with self.subTest(path=path, body=str(body)[:60]):
                self.assert_problem(self.send(method, f"preferences/{path}", body), 400, code, said)
        self.assertEqual((KindChoice.objects.count(), Mute.objects.count()), (0, 0))

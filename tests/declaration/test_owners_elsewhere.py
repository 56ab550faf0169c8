"""Owners that are not where a flush would look first: in another database, or without a row of the model asked for."""

from __future__ import annotations

from django.test import tag

from tests.support.base import CounterTestCase
from tests.support.site import Site

TASKS = """
class Task(models.Model):
    user = models.ForeignKey(User, models.CASCADE, db_constraint=False)

class Open(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Task, "user")

class Profile(models.Model):
    user = models.OneToOneField(User, models.CASCADE, primary_key=True, db_constraint=False)

class Teacher(Profile):
    room = models.CharField(max_length=10)

class ByProfile(models.Model):
    profile = owner(Profile)
    number = models.BigIntegerField(default=0)
    counter = Counter(Task, "user")

class ByTeacher(models.Model):
    teacher = owner(Teacher)
    number = models.BigIntegerField(default=0)
    counter = Counter(Task, "user")
"""

CONSTRAINED = """
class Constrained(models.Model):
    profile = models.OneToOneField(Profile, models.CASCADE, primary_key=True, related_name="+")
    number = models.BigIntegerField(default=0)
    counter = Counter(Task, "user")
"""

USERS = """
DATABASES["users"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "users.sqlite3"}
DATABASE_ROUTERS = ["shop.routers.Users"]
"""

ROUTER = """
class Users:
    def db_for_read(self, model, **hints):
        return "users" if model._meta.app_label == "auth" else "default"

    db_for_write = db_for_read

    def allow_relation(self, one, other, **hints):
        return True
"""


@tag("long")
class OwnersElsewhereTest(CounterTestCase):
    def test_users_may_be_in_another_database(self) -> None:
        site = Site(TASKS, migrate=False, more=USERS)
        self.addCleanup(site.close)
        site.write("shop/routers.py", ROUTER)
        site.manage("makemigrations", "shop", "-v0")
        for alias in ("users", "default"):
            site.manage("migrate", "-v0", "--database", alias)
        found = site.run(
            """
            ada, bob = (User.objects.create(username=name) for name in ("ada", "bob"))
            [Task.objects.create(user=user) for user in (ada, ada, bob)]
            Open.counter.flush()
            Open.counter.recount([ada, bob])
            [User.objects.using("default").count(), [Open.counter.value(ada), Open.counter.value(bob)]]
            """
        )
        self.assertEqual(found, [0, [2, 1]])
        site.manage("notification_recount", "-v0")
        stored = site.run("list(Open.objects.order_by('number').values_list('number', flat=True))")
        self.assertEqual(stored, [1, 2])

    def test_who_gets_a_profile_later_has_the_rows_that_were_there_before(self) -> None:
        site = Site(TASKS)
        self.addCleanup(site.close)
        found = site.run(
            """
            counters = Open.counter, ByProfile.counter, ByTeacher.counter
            def flush(): return [each.flush() for each in counters] and None
            flush()
            ada = User.objects.create(username="ada")
            [Task.objects.create(user=ada) for _ in range(3)]
            flush()
            before = [each.value(ada.pk) for each in counters]
            Teacher.objects.create(user=ada, room="4b")
            Task.objects.first().delete()
            flush()
            [before, [each.value(ada) for each in counters], ByTeacher.counter.value(Teacher.objects.get())]
            """
        )
        self.assertEqual(found, [[3, 3, 3], [2, 2, 2], 2])
        self.assertNotIn("W050", site.manage("check"))

    def test_a_constraint_that_keeps_counts_out_is_said(self) -> None:
        site = Site(TASKS + CONSTRAINED, migrate=False)
        self.addCleanup(site.close)
        said = site.manage("check")
        self.assertIn("W050) shop.Constrained.counter: key: 'user' refers to auth.User, but 'profile'", said)

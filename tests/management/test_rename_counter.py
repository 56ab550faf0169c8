"""A counter that is renamed keeps what was pending, and deltas that belong to no counter are named."""

from __future__ import annotations

from django.test import TransactionTestCase, tag

from tests.support.base import uses_redis
from tests.support.site import Site

MODELS = """
class {model}(models.Model):
    page = models.CharField(max_length=50, primary_key=True)
    number = models.BigIntegerField(default=0)
    {attribute} = Counter()
"""

MIGRATION = """
from django.db import migrations
from notifications_counter.rename_counter import RenameCounter

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial"), ("notifications_counter", "0004_declaration")]
    operations = [
        migrations.RenameModel("PageViews", "Hits"),
        RenameCounter("shop.PageViews.views", "shop.Hits.counter"),
    ]
"""


@tag("long")
class RenameTest(TransactionTestCase):
    def setUp(self) -> None:
        self.site = Site(MODELS.format(model="PageViews", attribute="views"))
        self.addCleanup(self.site.close)
        self.site.run(
            "views = PageViews.views\nviews.add({'/home': 100}), views.flush(), views.add({'/home': 11})\nNone"
        )
        self.site.deploy(MODELS.format(model="Hits", attribute="counter"))
        more = "hits = Hits.counter\nhits.flush(), hits.add({'/home': 5000}), hits.flush()\n"
        self.read = f"{more}hits.value('/home')"

    def test_what_is_pending_follows_a_counter_to_its_new_name(self) -> None:
        self.site.write("shop/migrations/0002_rename.py", MIGRATION)
        if uses_redis():
            self.assertIn("deltas may be pending in Redis", self.site.manage("migrate", status=1))
            self.site.deploy(MODELS.format(model="PageViews", attribute="views"))
            self.site.write("site_settings.py", (self.site.folder / "site_settings.py").read_text() + DATABASE_ONLY)
            self.site.manage("notification_update_counter", "--drain")
            self.site.deploy(MODELS.format(model="Hits", attribute="counter"))
        self.site.manage("migrate", "-v0")
        self.assertEqual(self.site.run(self.read), 5111)
        self.assertNotIn("W054", self.site.manage("check", "--database", "default"))

    def test_deltas_of_a_name_that_nobody_declares_are_said(self) -> None:
        self.site.write("shop/migrations/0002_rename.py", MIGRATION.replace("RenameCounter(", "# RenameCounter("))
        self.site.manage("migrate", "-v0")
        said = "no counter is called 'shop.PageViews.views' any more"
        self.assertIn(f"W054) default: {said}", self.site.manage("check", "--database", "default"))
        self.assertIn(said, self.site.manage("notification_counter_status", status=1))


DATABASE_ONLY = "NOTIFICATIONS_COUNTER['BUFFERS']['default']['OPTIONS']['DATABASE_ONLY'] = True\n"

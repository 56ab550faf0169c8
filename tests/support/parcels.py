"""What the tests of triggers share: rows of ``Parcel``, raw SQL, and the comparison with COUNT(*)."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

from notifications_counter.counters import Counter
from tests.testapp.models import ODD_TEXT, Letter, OwnerParcels, Parcel, PlaceParcels, ReaderLetters, Team, TeamParcels

from .base import CounterTestCase

COUNTERS: list[Counter] = [
    OwnerParcels.counter,
    TeamParcels.counter,
    PlaceParcels.counter,
    PlaceParcels.everything,
    ReaderLetters.triggers,
    ReaderLetters.signals,
]
PLACES = ["a", "A", "b", ODD_TEXT]
TABLE = Parcel._meta.db_table


def raw(sql: str, *parameters: Any) -> int:
    """Run SQL past Django; how many rows it says it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return int(cursor.rowcount)


def as_parameter(field: models.Field[Any, Any], value: Any) -> Any:
    return field.get_db_prep_value(value, connection)


def of_team(team: Team) -> Any:
    """A team's key, as this database takes it."""
    return as_parameter(Team._meta.pk, team.pk)


class TriggerTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)
        self.user, self.other = self.users[:2]
        self.teams = [Team.objects.create() for _ in range(2)]
        self.user_pks = [user.pk for user in self.users]
        self.team_pks = [team.pk for team in self.teams]

    def tearDown(self) -> None:
        self.check_all("at the end")
        super().tearDown()

    def parcel(self, **values: Any) -> Parcel:
        return Parcel.objects.create(**{"owner": self.user, "team": self.teams[0], "place": "a", "weight": 1} | values)

    def keys_of(self, counter: Counter) -> list[Any]:
        if counter.model is TeamParcels:
            return self.team_pks
        return PLACES if counter.model is PlaceParcels else self.user_pks

    def check_all(self, said: str = "") -> None:
        for counter in COUNTERS:
            assert counter.store().snapshot([]).backfilled, (
                f"{counter.label} is not backfilled: its value would be a COUNT(*)"
            )
            true = {key: self.count(counter, key) for key in self.keys_of(counter)}
            found = counter.values(true)
            assert found == true, f"{counter.label}: {found} != {true} {said}"

    def count(self, counter: Counter, key: Any) -> int:
        assert counter.source is not None
        rows = counter.source._base_manager.filter(counter.filter, **{counter.source_key or "": key})
        if counter.model is PlaceParcels:  # to the byte, as keys are, whatever the collation
            return sum(place == key for place in rows.values_list("place", flat=True))
        return rows.count()

    def owned(self) -> list[int]:
        """The counts of all users."""
        return list(OwnerParcels.counter.values(self.user_pks).values())


__all__ = ["COUNTERS", "PLACES", "TABLE", "Letter", "TriggerTestCase", "as_parameter", "of_team", "raw"]

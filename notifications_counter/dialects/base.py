"""What a dialect can say, in standard SQL where that is enough."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connections, models
from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import UnsupportedDatabase

#: Primary key, as the database takes it (a tuple where it is composite), and what is to be added to its count.
Sums = Sequence[tuple[Any, int]]

#: Rows a statement: SQLite takes 999 parameters in its oldest builds.
ROWS_A_STATEMENT = 300

#: Texts that need nothing but quotes, in whatever database.
PLAIN = re.compile(r"[0-9A-Za-z._]+")

READ_ONLY = "It is read-only: let the alias lead to the primary."
DISK_FULL = "Its disk is full: make room."
MIGRATE = "A table or column is missing there: run manage.py migrate."


#: Kind of operations and table -> how the statement begins that inserts deltas: each name is quoted once.
_inserts: dict[tuple[type, str], str] = {}


@dataclass(frozen=True)
class TextColumn:
    """How a table compares a column that holds text.

    Attributes:
        before: SQL before any text that is to be compared as the column is.
        after: SQL after it.
        is_loose: whether it calls texts equal of which the bytes differ.
    """

    before: str
    after: str
    is_loose: bool

    def of(self, sql: str) -> str:
        """A text, as the column is compared."""
        return f"{self.before}{sql}{self.after}"


@dataclass(frozen=True)
class KeyColumn:
    """A column of a count model's primary key.

    Attributes:
        name: its quoted name.
        type: its type.
        collation: its collation; empty where it is the database's own.
        compared: how it compares text, if that may be other than to the byte.
        owner: the quoted names of the table and the column that it refers to, if it does.
    """

    name: str
    type: str
    collation: str
    compared: TextColumn | None
    owner: tuple[str, str] | None

    def same(self, given: str) -> str:
        """What is alike of the values that the column calls equal."""
        return given if self.compared is None else self.compared.of(given)

    @property
    def is_loose(self) -> bool:
        """Whether it calls values equal that are written differently."""
        return self.compared is not None and self.compared.is_loose

    def owner_exists(self, given: str, lock: str) -> str:
        """The condition that what a value refers to is there; empty where it refers to nothing."""
        if self.owner is None:
            return ""
        table, column = self.owner
        return f"EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = {given}{lock})"


@dataclass(frozen=True)
class CountTable:
    """The quoted names of a count model's table. In statements ``d`` has the keys, ``k0``, ``k1`` ..., and sums, ``a``.

    Attributes:
        name: of the table.
        keys: the columns of its primary key.
        amount: of the column of the count.
        given: SQL for what is added to it of a row of ``d``.
        added: gives the SQL for a count from that of the sum.
        others: of all other columns.
        defaults: the values of those in a new row.
    """

    name: str
    keys: Sequence[KeyColumn]
    amount: str
    given: str
    added: Callable[[str], str]
    others: Sequence[str]
    defaults: Sequence[Any]

    @property
    def key(self) -> str:
        """The columns of the primary key."""
        return ", ".join(column.name for column in self.keys)

    @property
    def columns(self) -> str:
        """The columns of a new row."""
        return ", ".join([self.key, self.amount, *self.others])

    @property
    def given_key(self) -> str:
        """The key of a row of ``d``."""
        return ", ".join(f"d.k{place}" for place in range(len(self.keys)))

    @property
    def new_row(self) -> str:
        """The values of ``columns``, of a row of ``d`` and with placeholders for ``defaults``."""
        return ", ".join([self.given_key, self.given, *("%s" for _ in self.defaults)])

    @property
    def new_count(self) -> str:
        """The same with what is stored in the count row ``c``, if there is one, added to the sum."""
        count = self.added(f"COALESCE(c.{self.amount}, 0) + {self.given}")
        return ", ".join([self.given_key, count, *("%s" for _ in self.defaults)])

    @property
    def is_same(self) -> str:
        """The condition that a count row ``c`` has the key of a row of ``d``."""
        return " AND ".join(f"c.{column.name} = d.k{place}" for place, column in enumerate(self.keys))

    def owners_exist(self, lock: str = "") -> str:
        """The condition that a new row of ``d`` may be inserted: what its key refers to is there."""
        found = (column.owner_exists(f"d.k{place}", lock) for place, column in enumerate(self.keys))
        return f"({' AND '.join(filter(None, found)) or 'TRUE'})"

    def row_exists(self, lock: str = "") -> str:
        """The condition that a row of ``d`` has a count row."""
        return f"EXISTS (SELECT 1 FROM {self.name} c WHERE {self.is_same}{lock})"

    def values(self, sums: Sums) -> list[list[Any]]:
        """The columns of ``d``, each as a list: those of the keys, then the sums."""
        pks, amounts = [pk for pk, _ in sums], [amount for _, amount in sums]
        if len(self.keys) == 1:
            return [pks, amounts]
        return [*([pk[place] for pk in pks] for place in range(len(self.keys))), amounts]

    def in_json(self, sums: Sums) -> str:
        """The rows of ``d``, as JSON."""
        rows = sums if len(self.keys) == 1 else [[*pk, amount] for pk, amount in sums]
        return json.dumps(rows, default=str)


@dataclass(frozen=True)
class Place:
    """Where a database is.

    Attributes:
        fingerprint: what tells it from every other database, also from one that holds the same rows.
        schemas: how many schemas of it hold the table that was asked for.
    """

    fingerprint: str
    schemas: int = 1


class Dialect:
    """One database's way of saying things. Stateless: what it works on is a parameter."""

    #: Whether tables have a fill factor.
    has_fill_factor: ClassVar[bool] = False

    #: Whether a connection can hear what others publish.
    can_listen: ClassVar[bool] = False

    #: What a refusal is usually about, by its code or by a part of its text.
    advice: ClassVar[Mapping[Any, str]] = {}

    #: Whether ``insert_for_each`` can be called.
    inserts_for_each: ClassVar[bool] = False

    def insert_for_each(
        self,
        connection: BaseDatabaseWrapper,
        instance: models.Model,
        field: models.Field[Any, Any],
        values: Sequence[Any],
    ) -> list[Any]:
        """Insert a row for each value of one field, all else as in an instance.

        Args:
            connection: the connection.
            instance: has the values of all other fields.
            field: the field that differs.
            values: its values, as the database takes them.

        Returns:
            The primary keys that the database gave the rows, in the order of the values.
        """
        raise NotImplementedError

    def along(
        self, connection: BaseDatabaseWrapper, model: type[models.Model], index: str
    ) -> AbstractContextManager[None]:
        """Let queries of a model's rows begin at their place in an index, where the database would not by itself.

        Args:
            connection: on which they run, inside of a ``with`` block.
            model: the model.
            index: the name of the index.
        """
        return nullcontext()

    # Text

    def key_collation(self, connection: BaseDatabaseWrapper) -> str | None:
        """The collation by which keys differ wherever their bytes do; None where the default does."""
        return None

    def tells_keys_apart(self, collation: str) -> bool:
        """Whether keys differ by a collation wherever their bytes do."""
        return True

    def text_columns(self, connection: BaseDatabaseWrapper, table: str) -> dict[str, TextColumn] | None:
        """Those of a table's columns that hold text, by name; None where there is no such table."""
        return {}

    #: What makes a text be compared byte by byte, where it may have to be said.
    bytewise: ClassVar[str] = ""

    def text(self, column: str) -> str:
        """A column as text."""
        return f"CAST({column} AS TEXT)"

    def joined(self, texts: Sequence[str], separator: str) -> str:
        """Texts as one, with a separator between them; NULL if any of them is."""
        return f" || '{separator}' || ".join(texts)

    def text_rows(self, names: Sequence[str]) -> str:
        """A query for rows of texts, from one parameter, a list of lists in JSON: ``nc_place``, from 0 on, and columns.

        Args:
            names: what the columns are called.

        Raises:
            UnsupportedDatabase: there is no such query for this database.
        """
        raise UnsupportedDatabase("There are no keys that are written differently and equal on this database.")

    def piece(self, text: str, separator: str, place: int) -> str:
        """What of a text stands between two separators, or one and an end of it.

        Args:
            text: SQL for the text.
            separator: one character.
            place: how many separators are before it.
        """
        for _ in range(place):
            text = f"SUBSTR({text}, INSTR({text}, '{separator}') + 1)"
        return f"SUBSTR({text}, 1, INSTR({text} || '{separator}', '{separator}') - 1)"

    # Conditions of triggers

    def operand(self, literal: str, value: Any, column_type: str) -> str:
        """A literal as a column converts what it is compared with, where a row of a trigger does not.

        Args:
            literal: the literal.
            value: its value.
            column_type: the column's type.
        """
        return literal

    # Numbers

    #: How many decimal digits a decimal column gives back exactly; None for all that it can hold.
    decimal_digits: ClassVar[int | None] = None

    def integer_units(self, sql: str) -> str:
        """The value of an integer column as one that can be subtracted."""
        return sql

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        """The integer that the value of a decimal column is, times a power of ten.

        Args:
            sql: the column.
            scale: the power of ten.
            places: how many decimal places the column has.
        """
        raise UnsupportedDatabase("There are no sums of decimals for this database.")

    def decimal(self, sql: str, scale: int, unit: str) -> str:
        """The decimal that so many units are.

        Args:
            sql: the number of units.
            scale: how many of them are 1.
            unit: one of them, as a literal.
        """
        return f"({sql} * {unit})"

    def decimal_sum(self, sql: str, places: int) -> str:
        """The sum of two decimals, as a column of so many places holds it."""
        return sql

    # Locks

    def lock(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Rows of one table, locked until the open transaction ends as soon as they are read.

        Args:
            rows: a queryset of that table, with ``using``.
        """
        features = connections[rows.db].features
        if not features.has_select_for_update:
            return rows
        return rows.select_for_update(of=("self",) if features.has_select_for_update_of else ())

    # Updates

    #: Whether an ``UPDATE`` that sets several columns works with the new values of those before.
    assigns_in_turn: ClassVar[bool] = False

    # Pending deltas

    def execute(self, connection: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that returns nothing, in the transaction that is open."""
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)

    def insert_deltas(
        self,
        connection: BaseDatabaseWrapper,
        table: str,
        label: str,
        sums: Mapping[str, int | None],
        declaration: str | None,
    ) -> None:
        """Insert deltas of a counter into the table of deltas."""
        rows = [(label, key, amount, declaration) for key, amount in sums.items()]
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            self.insert_few_deltas(connection, table, rows[start : start + ROWS_A_STATEMENT])

    def insert_few_deltas(
        self,
        connection: BaseDatabaseWrapper,
        table: str,
        rows: Sequence[tuple[str, str, int | None, str | None]],
    ) -> None:
        """Insert deltas by one statement: of each the counter's label, the key, the amount and the declaration."""
        # No more parameters than needed: to adapt them takes a driver as long as all the rest.
        parameters: list[str] = []
        places = ", ".join(
            f"({_literal(label, parameters)}, {_literal(key, parameters)}, {_amount(amount)},"
            f" {'NULL' if by is None else _literal(by, parameters)})"
            for label, key, amount, by in rows
        )
        self.execute(connection, f"{self._insert_into(connection, table)} VALUES {places}", parameters)

    def _insert_into(self, connection: BaseDatabaseWrapper, table: str) -> str:
        place = (type(connection.ops), table)
        if place not in _inserts:
            quote = connection.ops.quote_name
            columns = ", ".join(map(quote, ("counter", "key", "amount", "declaration")))
            _inserts[place] = f"INSERT INTO {quote(table)} ({columns})"
        return _inserts[place]

    def pop_deltas(
        self, deltas: models.QuerySet[Any], label: str, keys: Sequence[str], last: int, declaration: str | None
    ) -> dict[str, tuple[int, int]]:
        """Delete the deltas of keys that have an amount, up to an id, in the open transaction.

        Args:
            deltas: the deltas of the counter that can be added.
            label: its label.
            keys: the keys, in their order, at least one.
            last: the highest id that is taken.
            declaration: by which those must have been counted, as far as that is known.

        Returns:
            Key -> the sum of the rows that were deleted, and their number.
        """
        popped: dict[str, tuple[int, int]] = {}
        ids, wanted = [], set(keys)
        rows = deltas.filter(id__lte=last, key__gte=keys[0], key__lte=keys[-1])
        for id, key, amount in rows.values_list("id", "key", "amount").iterator():
            if key in wanted:
                total, number = popped.get(key, (0, 0))
                popped[key] = total + amount, number + 1
                ids.append(id)
        for start in range(0, len(ids), ROWS_A_STATEMENT):
            deltas.filter(id__in=ids[start : start + ROWS_A_STATEMENT]).delete()
        return popped

    # Counts

    def add_sums(self, connection: BaseDatabaseWrapper, table: CountTable, sums: Sums) -> None:
        """Add sums to counts, in the order of their keys, in the open transaction; see ``applying.upsert.add``.

        Raises:
            UnsupportedDatabase: there is no such statement for this database.
        """
        raise UnsupportedDatabase(
            f"There is no flush for {connection.display_name}, only for MariaDB, MySQL, PostgreSQL and SQLite."
        )

    # News

    def publish(self, connection: BaseDatabaseWrapper, channel: str, message: str) -> None:
        """Tell all that listen to a channel something; nobody, where the database has no way to."""

    def listen(self, connection: BaseDatabaseWrapper, channel: str, receiver: Callable[[str], object]) -> None:
        """Call something with each message that a connection hears from now on."""

    # The end of a transaction

    def rolls_back_commits(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether the open transaction has failed, so that its commit rolls back, perhaps without an error."""
        return False

    def may_have_rolled_back(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether the transaction may have been rolled back without Django, and gone on as another one."""
        return False

    # Failures

    def may_pass(self, error: DatabaseError) -> bool:
        """Whether a failure passes by itself, such as a deadlock or a lost connection."""
        return isinstance(error, OperationalError | InterfaceError)

    def blames_row(self, error: DatabaseError) -> bool:
        """Whether a statement failed because of what it was to write into one row, and would not for others."""
        return isinstance(error, IntegrityError | DataError)

    def code(self, error: DatabaseError) -> Any:
        """The code of a failure; None where the database gives none."""
        return None

    def advice_for(self, error: DatabaseError) -> str:
        """What to do about a refusal; empty where that is not known."""
        by_code = self.advice.get(self.code(error))
        return by_code or next((said for part, said in self.advice.items() if str(part) in str(error)), "")

    # Where it is

    def place(self, connection: BaseDatabaseWrapper, table: str) -> Place | None:
        """Where the database is to which a connection leads; None where it has not the table.

        Args:
            connection: the connection.
            table: the name of a table of the package's own.
        """
        if table not in connection.introspection.table_names():
            return None
        names = ("ENGINE", "HOST", "PORT", "NAME")
        return Place(":".join(str(connection.settings_dict.get(name, "")) for name in names))

    def schema(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        """Which table of that name is meant right now, where several schemas have one."""
        return None

    # Settings

    def statement_seconds(self, connection: BaseDatabaseWrapper) -> float | None:
        """After how many seconds the database ends a statement; 0 for never, None where there is no such setting."""
        return None


def _amount(amount: int | None) -> str:
    return "NULL" if amount is None else str(int(amount))


def _literal(text: str, parameters: list[str]) -> str:
    """A text in quotes, where that is safe, or the place of a parameter, which is added."""
    if PLAIN.fullmatch(text):
        return f"'{text}'"
    parameters.append(text)
    return "%s"

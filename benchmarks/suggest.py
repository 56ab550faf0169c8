"""Autocomplete on PostgreSQL alone: how long suggestions take, as they are typed and with typing errors.

    POSTGRESQL_URL=... python -m benchmarks suggest [--rows 100000] [--long] [--rounds 400]

--long has a million rows. Titles have four to seven words out of 50,000, of which some are in every tenth title and
most in a few, as in a language; popularity is as uneven. What is typed are beginnings of titles and of words in them,
from one letter on; and words in which a letter is missing, exchanged, wrong or too much. The documents are put into
the table as the sink writes them. Each suggestion is one call of ``SearchIndex.suggest``, beside a bare
``LIKE 'prefix%'`` with an index of its own, in turn, which finds only titles that begin so, and no typing errors. With
--engine the same documents are sent to a real OpenSearch, which is asked the same when it has merged them, and after
1,000 others of each kind: Java compiles what has run often.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate, islice
from typing import Any
from urllib.request import urlopen

from tests.servers.engine_node import AS_SHIPPED, running
from tests.servers.opensearch import BUILDS

from .environment import postgresql_and_valkey

#: Milliseconds that the slowest hundredth may take.
MOST = 10.0
#: So many suggestions of each kind an engine is asked for before.
WARM = 1000
VOCABULARY = 50_000
ENDS = ("a", "e", "i", "o", "u", "ar", "en", "il", "on", "us")
SYLLABLES = [one + two for one in "bcdfghjklmnprstvwz" for two in ENDS]
INDEXES = ("nc_search_words_v", "nc_search_names_v", "nc_search_exact", "nc_search_popular")
DOCUMENTS = "notifications_counter_search_document"
COLUMNS = '"index", key, language, words_a, words_b, words_c, words_d, names, popularity, body, exact, digest'


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--long", action="store_true", help="1,000,000 rows")
    parser.add_argument("--rounds", type=int, default=400, help="suggestions of each kind")
    parser.add_argument("--engine", choices=list(BUILDS), help="the version of an OpenSearch to ask too")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    options.rows = 1_000_000 if options.long else options.rows
    return options


def vocabulary(chance: random.Random) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))] = None
    return list(words)


def titles(words: list[str], rows: int, chance: random.Random) -> Iterator[str]:
    weights = list(accumulate(1 / (place + 5) for place in range(len(words))))  # Zipf's law
    for _ in range(rows):
        yield " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(4, 7))).capitalize()


def fill(index: Any, words: list[str], rows: int, chance: random.Random) -> list[str]:
    """Write the documents; some of the titles."""
    import json

    from django.db import connection

    from notifications_counter.contrib.search.models import SearchWord
    from notifications_counter.contrib.search.sinks.database.sink import dialect_for

    sample: list[str] = []
    with connection.cursor() as cursor:
        for name in INDEXES:  # which are made at once below, faster than row by row
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("CREATE TABLE bare (id bigint, title text, popularity float8)")
        with cursor.copy(f"COPY {DOCUMENTS} ({COLUMNS}) FROM STDIN") as copy:
            for number, title in enumerate(titles(words, rows, chance), 1):
                name, popularity = title.lower(), int(10 / max(chance.random(), 1e-6))
                body = json.dumps({"title": title, "text": "", "price": number % 100})
                exact = json.dumps({"price": [number % 100]})
                copy.write_row(
                    (index.name, str(number), index.language, name, "", "", "", name, popularity, body, exact, "0" * 16)
                )
                if number % (rows // 2000 or 1) == 0:
                    sample.append(title)
        cursor.execute(f"INSERT INTO bare SELECT id, body->>'title', popularity FROM {DOCUMENTS}")
        cursor.execute("CREATE INDEX ON bare (lower(title) text_pattern_ops)")
    dialect_for("default").install()
    SearchWord.objects.bulk_create([SearchWord(index=index.name, word=word) for word in words], batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return sample


def typed(sample: list[str], chance: random.Random) -> str:
    """The beginning of a title, or of a word in it."""
    words = chance.choice(sample).lower().split()
    text = " ".join(words[chance.randrange(len(words)) :][: chance.choice((1, 1, 1, 2, 3))])
    return text[: chance.randint(1, len(text))].strip()


def mistyped(sample: list[str], chance: random.Random) -> str:
    """A word of a title, all or most of it, with one error."""
    word = chance.choice([one for one in chance.choice(sample).lower().split() if len(one) > 4] or ["melonar"])
    place = chance.randrange(1, len(word) - 1)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    return chance.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )


def bare(prefix: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT title FROM bare WHERE lower(title) LIKE %s ORDER BY popularity DESC LIMIT 10", [f"{prefix}%"]
        )
        cursor.fetchall()


def timed(call: Callable[[], object]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = call()
    return 1000 * (time.perf_counter() - began), found


def report(what: str, took: list[float], limit: bool = True) -> float:
    p99 = statistics.quantiles(took, n=100)[98]
    most = f"   at most {MOST:g}" if limit else ""
    median = statistics.median(took)
    print(f"{what:<28} median {median:7.2f} ms   p99 {p99:7.2f} ms   max {max(took):7.2f} ms{most}", flush=True)
    return p99


def measure(index: Any, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)
    words = vocabulary(chance)
    began = time.perf_counter()
    sample = fill(index, words, options.rows, chance)
    print(f"seed {options.seed}; {options.rows:,} documents written in {time.perf_counter() - began:.0f} s", flush=True)
    prefixes = [typed(sample, chance) for _ in range(options.rounds)]
    wrong = [mistyped(sample, chance) for _ in range(options.rounds)]
    ask(index, prefixes[:100], wrong[:100])
    print("PostgreSQL:")
    ours, errors, theirs = ask(index, prefixes, wrong)
    one, other = say(ours, errors), report("bare LIKE of whole titles", theirs, limit=False)
    print(f"p99 as it is typed is {one / other:.2f} times that of the bare LIKE", flush=True)
    if options.engine:
        with running(BUILDS[options.engine], heap="1g", java=AS_SHIPPED) as node, on_engine(index, node.url):
            print(f"OpenSearch {options.engine}:", flush=True)
            wait_for_merges(node.url)
            ask(index, *([one(sample, chance) for _ in range(WARM)] for one in (typed, mistyped)))
            say(*ask(index, prefixes, wrong)[:2])


def ask(index: Any, prefixes: list[str], wrong: list[str]) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of suggestions as typed, with errors, and of the bare look-up, in turn."""
    ours, errors, theirs = [], [], []
    for prefix, error in zip(prefixes, wrong, strict=True):
        ours.append(timed(partial(index.suggest, prefix))[0])
        theirs.append(timed(partial(bare, prefix))[0])
        took, suggestions = timed(partial(index.suggest, error))
        errors.append(took if suggestions else -took)
    return ours, errors, theirs


def wait_for_merges(url: str) -> None:
    """Until the engine has put together what was written: it does so in the background, with all processors."""
    while True:
        with urlopen(f"{url}/_stats/merge", timeout=60) as reply:
            if not json.load(reply)["_all"]["total"]["merges"]["current"]:
                return
        time.sleep(1)


def say(ours: list[float], errors: list[float]) -> float:
    found, errors = sum(took > 0 for took in errors), [abs(took) for took in errors]
    one = report("as it is typed", ours)
    report("with a typing error", errors)
    print(f"{found} of {len(errors)} typing errors led to a suggestion")
    report("both together", ours + errors)
    return one


@contextmanager
def on_engine(index: Any, url: str) -> Iterator[None]:
    """The documents on an engine."""
    from django.conf import settings
    from django.test import override_settings

    from notifications_counter.contrib.search.models import SearchDocument
    from notifications_counter.contrib.search.sinks.base import DIGEST, POPULARITY
    from notifications_counter.projections.documents import Document

    search = {"SINK": "opensearch", "URL": url, "TIMEOUT": 60}
    with override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "SEARCH": search}):
        sink, rows = index.sink, SearchDocument.objects.order_by("id").iterator(2000)
        target = sink.begin_rebuild(index, using="default", identity="benchmark")
        while part := list(islice(rows, 2000)):
            documents = [
                Document(one.key, 1, {**one.body, DIGEST: one.digest, POPULARITY: one.popularity}) for one in part
            ]
            sink.send(index, documents, using="default", target=target)
        sink.finish_rebuild(index, target, using="default")
        yield


def main() -> None:
    options = arguments()
    os.environ["NC_SEARCH"] = '{"SINK": "database"}'
    with postgresql_and_valkey("database", "tests.apps_settings"):
        from tests.search.models import Item

        measure(Item.search, options)


if __name__ == "__main__":
    main()

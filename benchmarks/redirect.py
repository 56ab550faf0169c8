"""The redirect of a counted click, beside one that counts nothing, and one that counts by get_or_create and save.

    POSTGRESQL_URL=... python -m benchmarks redirect [--long] [--requests 3000] [--links 1000]

Prints for each buffer how long a request takes through Django's handler, the three in turn, and how many statements
1,000 clicks are. The 99th percentile is the median of those of rounds of 500 requests, and that of the
quietest round. With --long there are 20,000 requests of each.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .environment import postgresql_and_valkey

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
WAYS = ("bare", "counted", "by hand")
#: Milliseconds that the slowest hundredth of counted redirects may take longer than that of bare ones.
MOST = 3.0
#: Requests of a round.
ROUND = 500


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="20,000 requests")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--buffer", choices=["database", "redis"], help="only this one")
    options = parser.parse_args()
    options.requests = 20_000 if options.long else options.requests
    return options


def addresses(links: int) -> dict[str, list[str]]:
    """The addresses of the links, of each way."""
    from notifications_counter.contrib.clicks.templatetags.notifications_clicks import counted_url

    targets = [f"https://example.com/articles/{place}" for place in range(links)]
    by_hand = [f"/by-hand/?u=https://example.org/articles/{place}" for place in range(links)]
    return {
        "bare": [f"/bare/?u={target}" for target in targets],
        "counted": list(map(counted_url, targets)),
        "by hand": by_hand,
    }


def measure(requests: int, links: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """The seconds of each request, and the statements of all, of each way."""
    from django.db import connection
    from django.test import Client

    get, found = Client(headers={"User-Agent": BROWSER}).get, addresses(links)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    statements = dict.fromkeys(WAYS, 0)
    way = ""

    def noted(execute: Callable[..., Any], *given: Any) -> Any:
        statements[way] += 1
        return execute(*given)

    for way in WAYS:  # to warm up
        for url in found[way][:100]:
            assert get(url).status_code == 302, url
    statements = dict.fromkeys(WAYS, 0)
    gc.collect()
    gc.freeze()
    with connection.execute_wrapper(noted):
        for number in range(requests):
            for way in WAYS:
                url = found[way][number % links]
                began = time.perf_counter()
                get(url)
                seconds[way].append(time.perf_counter() - began)
    return seconds, statements


def check(requests: int, links: int) -> None:
    """That every click is counted."""
    from notifications_counter.contrib.clicks.models import Click

    targets = [f"https://example.com/articles/{place}" for place in range(links)]
    counted = sum(Click.humans.values(targets).values())
    expected = requests + min(100, links)
    print(f"{counted:,} of {expected:,} clicks are counted")
    if counted != expected:
        sys.exit(1)


def report(buffer: str, seconds: dict[str, list[float]], statements: dict[str, int], requests: int) -> None:
    p99 = {way: percentiles_99(seconds[way]) for way in WAYS}
    usual = {way: statistics.median(p99[way]) for way in WAYS}
    print(f"{buffer:<10} {'median':>9} {'p99':>9} {'quietest':>9}   statements per 1,000 clicks")
    for way in WAYS:
        times = (statistics.median(seconds[way]), usual[way], min(p99[way]))
        cells = " ".join(f"{value * 1000:6.2f} ms" for value in times)
        print(f"{way:<10} {cells}   {statements[way] / requests * 1000:,.0f}")
    above = [(counted - bare) * 1000 for counted, bare in zip(p99["counted"], p99["bare"], strict=True)]
    print(
        f"p99 of counted is {statistics.median(above):.2f} ms above bare, {min(above):.2f} in the quietest round",
        end=" ",
    )
    print(f"(at most {MOST:g}), and {usual['counted'] / usual['by hand']:.2f} times that by hand")


def percentiles_99(values: list[float]) -> list[float]:
    """Those of the rounds: a machine that does other things for a while is not the redirect's cost."""
    rounds = [values[start : start + ROUND] for start in range(0, len(values) - ROUND + 1, ROUND)]
    return [statistics.quantiles(each, n=100)[98] for each in rounds]


def main() -> None:
    options = arguments()
    if options.buffer is None:
        for buffer in ("database", "redis"):  # each in a process of its own
            command = [sys.executable, "-m", "benchmarks.redirect", "--buffer", buffer]
            sizes = ["--requests", str(options.requests), "--links", str(options.links)]
            if subprocess.run([*command, *sizes]).returncode:
                sys.exit(1)
        return
    with postgresql_and_valkey(options.buffer, "benchmarks.clicks_settings"):
        seconds, statements = measure(options.requests, options.links)
        report(options.buffer, seconds, statements, options.requests)
        check(options.requests, options.links)


if __name__ == "__main__":
    main()

"""The tutorial's shop: how long adding a product takes, and what is there after its workers were killed.

    POSTGRESQL_URL=... AMQP_URL=... python -m benchmarks products [--long] [--requests 300] [--faults]

Without --faults it adds products over HTTP in turn: by Celery, and the synchronous way, in which the answer waits for
the picture and its thumbnails. The pictures are photographs of 1600 x 1200 pixels, on a host of this machine, which
answers at once: another one adds its time to the synchronous way alone. With --faults 1,000 products are added while
workers are killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

EXAMPLE = Path(__file__).resolve().parents[1] / "example"
#: Milliseconds that the slowest hundredth of answers may take.
MOST = 100.0
WAYS = {"/products/": "by Celery", "/synchronously/": "synchronously"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="1,000 requests of each way")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--faults", action="store_true", help="add products while workers are killed")
    parser.add_argument("--products", type=int, default=1_000, help="of --faults")
    parser.add_argument("--kills", type=int, default=60, help="of --faults")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of --faults")
    options = parser.parse_args()
    options.requests = 1_000 if options.long else options.requests
    for name in ("POSTGRESQL_URL", "AMQP_URL"):
        if not os.environ.get(name):
            sys.exit(f"Set {name} to a server to measure on.")
    return options


def photograph() -> bytes:
    """As large as those of a shop, and as hard to unpack."""
    from PIL import Image

    out = BytesIO()
    noise = Image.effect_noise((400, 300), 60).resize((1600, 1200)).convert("RGB")
    noise.save(out, "JPEG", quality=85)
    return out.getvalue()


def measure(shop: object, requests: int) -> dict[str, list[float]]:
    """The seconds of each answer, of both ways in turn."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    base = f"http://127.0.0.1:{shop.host.server_port}/good"  # type: ignore[attr-defined]
    for number in range(-10, requests):  # the first ones warm up
        for way in WAYS:
            place = f"{way.strip('/')}-{number}"
            data = urlencode({"title": f"Product {place}", "image_url": f"{base}/{place}"}).encode()
            began = time.perf_counter()
            shop.ask(way, data)  # type: ignore[attr-defined]
            if number >= 0:
                seconds[way].append(time.perf_counter() - began)
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    p99 = {}
    for way, what in WAYS.items():
        p99[way] = statistics.quantiles(seconds[way], n=100)[98] * 1000
        median = statistics.median(seconds[way]) * 1000
        print(f"POST {what:<14} median {median:7.1f} ms   p99 {p99[way]:7.1f} ms")
    by_celery, synchronously = p99.values()
    print(f"p99 by Celery is {by_celery:.1f} ms (at most {MOST:g}), {by_celery / synchronously:.2f} of the other")


def main() -> None:
    options = arguments()
    sys.path.append(str(EXAMPLE))
    from products.management import servers

    from tests.support.product_faults import Faults

    with servers.database(os.environ["POSTGRESQL_URL"]) as places:
        picture = photograph()
        places = {**places, "DEMO_URLCONF": "benchmarks.products_urls"}
        shop = Faults(os.environ["AMQP_URL"], places, picture, options.products, options.kills, options.seed)
        if not options.faults:
            with shop.running():
                seconds = measure(shop, options.requests)
                number = 2 * (options.requests + 10)
                numbers = partial(shop.manage, "products_numbers")
                shop.wait_until(lambda: json.loads(numbers())["active"] == number, "products are never done", 1)
                report(seconds)
            return
        shop.run()
        print(shop.said())
        answered = statistics.quantiles(shop.seconds, n=100)[98] * 1000
        print(f"POST under load, with workers being killed: p99 {answered:.1f} ms")
        problems = shop.problems()
        print("\n".join(problems) or "each product is there once, active ones with each thumbnail once")
    if problems:
        sys.exit(1)


if __name__ == "__main__":
    main()

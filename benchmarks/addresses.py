"""What packages make of addresses, against the WHATWG URL Standard, and how long they take.

    python -m benchmarks addresses

Needs no server. What is not installed is left out: python -m pip install can-ada yarl url-normalize w3lib hyperlink
furl rfc3986. The vectors are those of web-platform-tests without a base, whose address is valid.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from urllib.parse import urlsplit, urlunsplit

Normalises = Callable[[str], str]


def packages() -> dict[str, Normalises]:
    """The packages that are installed, each as the function by which it normalises an address."""
    makers: dict[str, Callable[[], Normalises]] = {
        "ada-url": lambda: _ada(import_module("ada_url")),
        "can-ada": lambda: _can_ada(import_module("can_ada")),
        "yarl": lambda: _yarl(import_module("yarl")),
        "url-normalize": lambda: import_module("url_normalize").url_normalize,
        "w3lib": lambda: import_module("w3lib.url").safe_url_string,
        "hyperlink": lambda: _hyperlink(import_module("hyperlink")),
        "furl": lambda: _furl(import_module("furl")),
        "rfc3986": lambda: _rfc3986(import_module("rfc3986")),
        "urllib.parse": lambda: lambda url: urlunsplit(urlsplit(url)),
    }
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed")
    return found


def _ada(ada_url: object) -> Normalises:
    return lambda url: ada_url.URL(url).href  # type: ignore[attr-defined, no-any-return]


def _can_ada(can_ada: object) -> Normalises:
    return lambda url: can_ada.parse(url).href  # type: ignore[attr-defined, no-any-return]


def _yarl(yarl: object) -> Normalises:
    return lambda url: str(yarl.URL(url))  # type: ignore[attr-defined]


def _hyperlink(hyperlink: object) -> Normalises:
    return lambda url: hyperlink.parse(url).normalize().to_uri().to_text()  # type: ignore[attr-defined, no-any-return]


def _furl(furl: object) -> Normalises:
    return lambda url: furl.furl(url).url  # type: ignore[attr-defined, no-any-return]


def _rfc3986(rfc3986: object) -> Normalises:
    return lambda url: rfc3986.iri_reference(url).encode().normalize().unsplit()  # type: ignore[attr-defined, no-any-return]


def attempt(normalises: Normalises, url: str) -> str | None:
    with suppress(Exception):  # whatever a package raises, it has no address
        return normalises(url)
    return None


def microseconds(normalises: Normalises, urls: list[str]) -> float:
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for url in urls:
            attempt(normalises, url)
        rounds.append((time.perf_counter() - began) / len(urls))
    return statistics.median(rounds) * 1e6


def main() -> None:
    from tests.clicks.vectors import VECTORS

    valid = {one["input"]: one["href"] for one in VECTORS if "href" in one}
    web = {url: href for url, href in valid.items() if href.startswith(("http:", "https:"))}
    found = packages()
    times = {name: microseconds(normalises, list(web)) for name, normalises in found.items()}
    heads = (f"equal, all ({len(valid)})", f"equal, web ({len(web)})", "other again", "microseconds")
    print(f"{'':<16}" + "".join(f"{head:>20}" for head in heads))
    for name, normalises in found.items():
        equal = [
            sum(attempt(normalises, url) == href for url, href in each.items()) / len(each) for each in (valid, web)
        ]
        firsts = [made for url in valid if (made := attempt(normalises, url)) is not None]
        others = sum(attempt(normalises, made) != made for made in firsts)
        cost = f"{times[name]:.1f} ({times[name] / times['ada-url']:.1f} x)"
        print(f"{name:<16}{equal[0]:>20.0%}{equal[1]:>20.0%}{others:>20}{cost:>20}")


if __name__ == "__main__":
    main()

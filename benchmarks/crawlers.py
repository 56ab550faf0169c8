"""Which lists and parsers of user agents know which programs, and which take people for programs.

    python -m benchmarks crawlers

Needs no server. What is not installed is left out: python -m pip install crawlerdetect device-detector ua-parser
user-agents httpagentparser. The examples of programs are those of crawler-user-agents, which its own patterns know by
their making; the browsers are those that fake-useragent has collected.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version

Tells = Callable[[str], bool]

#: Programs that show a preview of a link, and browsers inside of apps.
NAMES = ("examples", "previews", "browsers", "in apps")


def lists() -> dict[str, Tells]:
    """The packages that are installed, each as a function that says whether a text is a program's."""
    makers = {
        "crawler-user-agents": lambda: import_module("crawleruseragents").is_crawler,
        "is-bot": lambda: import_module("is_bot").Bots().is_bot,
        "crawlerdetect": _crawlerdetect,
        "device-detector": lambda: lambda text: import_module("device_detector").DeviceDetector(text).parse().is_bot(),
        "ua-parser": _ua_parser,
        "user-agents": lambda: lambda text: import_module("user_agents").parse(text).is_bot,
        "httpagentparser": lambda: lambda text: import_module("httpagentparser").detect(text).get("bot", False),
    }
    found = {}
    for name, make in makers.items():
        try:
            tells = make()
            tells("Mozilla/5.0")
            found[f"{name} {version(name)}"] = tells
        except ImportError:
            print(f"{name} is not installed")
    return found


def _crawlerdetect() -> Tells:
    detect = import_module("crawlerdetect").CrawlerDetect
    return lambda text: bool(detect(user_agent=text).isCrawler(text))


def _ua_parser() -> Tells:
    parse = import_module("ua_parser").parse_device

    def tells(text: str) -> bool:
        device = parse(text)
        return device is not None and device.family == "Spider"

    return tells


def texts() -> dict[str, list[str]]:
    from tests.clicks.user_agents import IN_APP, PREVIEWS, examples, real_browsers

    return {"examples": examples(), "previews": PREVIEWS, "browsers": real_browsers(), "in apps": IN_APP}


def main() -> None:
    found, given = lists(), texts()
    flagged = {
        name: {kind: {text for text in given[kind] if tells(text)} for kind in NAMES} for name, tells in found.items()
    }
    header = "".join(f"{f'{kind} ({len(given[kind])})':>18}" for kind in NAMES)
    print(f"{'flagged as a program':<28}{header}{'microseconds':>14}")
    for name, tells in found.items():
        cells = "".join(f"{len(flagged[name][kind]) / len(given[kind]):>18.1%}" for kind in NAMES)
        print(f"{name:<28}{cells}{cost(tells, given['browsers']):>14.0f}")
    cross(flagged, given)


def cross(flagged: dict[str, dict[str, set[str]]], given: dict[str, list[str]]) -> None:
    """What each pair knows together: the share of the examples, and how many browsers it takes for programs."""
    names = list(flagged)
    print("\nby one or the other: examples of programs, and browsers of people that are flagged")
    print(" " * 28 + "".join(f"{name.rpartition(' ')[0]:>22}" for name in names))
    for one in names:
        cells = ""
        for other in names:
            known = len(flagged[one]["examples"] | flagged[other]["examples"]) / len(given["examples"])
            wrong = len(flagged[one]["browsers"] | flagged[other]["browsers"])
            cells += f"{known:>17.1%} {wrong:>4}"
        print(f"{one:<28}{cells}")


def cost(tells: Tells, browsers: list[str]) -> float:
    """Microseconds for one browser's text, the median; what was seen before may be remembered by the package."""
    seconds = []
    for text in browsers:
        began = time.perf_counter()
        tells(text)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1e6


if __name__ == "__main__":
    main()

"""Addresses that try to lead elsewhere than to the hosts that are allowed, as many as wanted."""

from __future__ import annotations

import random
from collections.abc import Iterator

ALLOWED, EVIL = "example.com", "evil.test"
LETTERS = {letter: chr(ord(letter) + 0xFEE0) for letter in "abcdefghijklmnopqrstuvwxyz"}  # their fullwidth forms
SCHEMES = ["https:", "http:", "HTTPS:", "https", "javascript:", "data:text/html,", "ftp:", "file:", "blob:https:", ""]
SLASHES = ["//", "/", "", "\\\\", "/\\", "\\/", "///", "////", "/\t/", "//\n", "/%2f", "//%5c"]
DOTS = [".", "\u3002", "\uff0e", "\uff61", "%2e", ".."]
JOINTS = [
    "@",
    "%40",
    "\\@",
    "#@",
    "?@",
    "/@",
    ":80@",
    ":@",
    "\\",
    "%5c",
    ".",
    "%00",
    "\t",
    "\r\n",
    " ",
    "%09",
    "\uff0f",
    "\uff1f",
    "\uff03",
    "\uff20",
    "\uff1b",
]
TAILS = [
    "",
    "/",
    "/..//" + EVIL,
    "//" + EVIL,
    "\\\\" + EVIL,
    "?u=//" + EVIL,
    "#//" + EVIL,
    ":443",
    ":99999",
    ":80#@" + EVIL,
]


def attacks(number: int, seed: int) -> Iterator[str]:
    """Addresses, each of which could lead to EVIL where a parser, or a list of hosts, is mistaken."""
    chance = random.Random(seed)
    for _ in range(number):
        hosts = [_disguised(ALLOWED, chance), _disguised(EVIL, chance)]
        chance.shuffle(hosts)
        joined = chance.choice(JOINTS).join(hosts if chance.random() < 0.7 else hosts[:1])
        before = "" if chance.random() < 0.8 else chance.choice([" ", "\x01", "\t", "\ufeff", "url:", "/", "?u="])
        yield before + _mostly_first(SCHEMES, chance) + _mostly_first(SLASHES, chance) + joined + chance.choice(TAILS)


def _mostly_first(choices: list[str], chance: random.Random) -> str:
    """What is right half of the time, so that not every address is wrong in several ways at once."""
    return choices[0] if chance.random() < 0.5 else chance.choice(choices)


def _disguised(host: str, chance: random.Random) -> str:
    written = "".join(_letter(one, chance) for one in host)
    return (
        chance.choice(["", "", "", "www.", "user:password@", "xn--"])
        + written
        + chance.choice(["", "", "", ".", ":8443"])
    )


def _letter(letter: str, chance: random.Random) -> str:
    if letter == ".":
        return chance.choice(DOTS) if chance.random() < 0.3 else letter
    disguise = chance.random()
    if disguise < 0.03:
        return LETTERS[letter]
    return letter.upper() if disguise < 0.06 else f"%{ord(letter):02x}" if disguise < 0.09 else letter

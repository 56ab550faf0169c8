"""Django's search packages and contrib.search: which kinds of change leave the index different from the database.

    [OPENSEARCH_URL=...] [ELASTICSEARCH_URL=...] python -m tests.suites.search_packages [--rst FILE] [-v] \\
        [--installed DIRECTORY] [--walk NUMBER [--seed SEED]] [PACKAGE ...]

Installs the newest release of each by pip into a temporary folder, with Django 6.1 (so that Python must be 3.12 or
newer), plays the same changes to the same models, and compares the whole index with the rows after each step. It prints
which kinds are wrong, and exits with 1 if any is wrong with this tree, raw SQL beside signals excepted. The engine's
index ``nc_suite_products`` is removed and made anew. A package whose engine has no URL is left out.

With --walk so many changes of all kinds are made at random by four processes instead, the same for each package, and
it is said how many documents are wrong afterwards. Raw SQL is left out beside signals, which do not tell of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ..parts import ROOT
from .catalog import DJANGO, PACKAGES, Package
from .table import Tried, text, write

#: What no signal tells of.
RAW = "raw SQL"


def main() -> int:
    options = parse_arguments()
    tried, kinds, walked = [], [], []
    if options.walk:
        print(f"seed {options.seed}; {options.walk:,} operations", flush=True)
    for package in PACKAGES:
        if options.packages and package.name not in options.packages:
            continue
        if package.server and not os.environ.get(package.server):
            print(f"{package.name} is left out: {package.server} is not set", flush=True)
            continue
        with tempfile.TemporaryDirectory(prefix="notifications_counter-") as directory:
            if options.walk:
                walked.append(walk(package, Path(directory), options))
                continue
            found, played = try_package(package, Path(directory), options.installed)
        kinds = played or kinds
        tried.append(found)
        said = found.error or f"kinds wrong: {len(found.wrong)}"
        print(f"{package.name}: {said}", flush=True)
        if options.verbose:
            print(*(f"  {kind}: {first}" for kind, first in found.wrong.items()), sep="\n", flush=True)
    if options.walk:
        return 0 if walked and all(walked) else 1
    if not kinds:
        return 1
    print("", *text(tried, kinds), sep="\n")
    failed = [found for found in tried if found.error]
    if options.rst:
        write(options.rst, [found for found in tried if not found.error], kinds)
    return 1 if failed or any(unexpected(found) for found in tried) else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [each.name for each in PACKAGES]
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", choices=[*names, []], help=", ".join(names))
    parser.add_argument("--rst", type=Path, metavar="FILE", help="where to write the table")
    parser.add_argument("--installed", type=Path, metavar="DIRECTORY", help="where the packages stay for other runs")
    parser.add_argument("--walk", type=int, metavar="NUMBER", help="so many changes at random instead of each kind")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="where the walk begins")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is wrong with each kind, too")
    return parser.parse_args()


def unexpected(found: Tried) -> set[str]:
    """The kinds that are wrong with this tree and should not be."""
    package = found.package
    return set() if not package.capture else found.wrong.keys() - ({RAW} if package.capture == "signals" else set())


def try_package(package: Package, directory: Path, installed: Path | None) -> tuple[Tried, list[str]]:
    """What came of a package, and the kinds that were played; none if it failed."""
    packages = install(package, installed or directory)
    there = {each.metadata["Name"].lower(): each.version for each in distributions(path=[str(packages)])}
    version = there[package.projects[0]] if package.projects else ""
    result = play(package, packages, directory)
    beside = ", ".join(beside_of(package, result, there))
    found = Tried(package, version, beside, result.get("wrong", {}), result.get("error", ""))
    return found, result.get("kinds", [])


def install(package: Package, directory: Path) -> Path:
    """Where the package is, and what it needs."""
    packages = directory / package.name
    if not packages.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*command, "--target", packages, f"Django=={DJANGO}", *package.projects], check=True)
    return packages


def walk(package: Package, directory: Path, options: argparse.Namespace) -> bool:
    """Walk with a package, and say what is wrong; whether that was to be expected."""
    packages = install(package, options.installed or directory)
    result = play(package, packages, directory, "--walk", str(options.seed), str(options.walk))
    if error := result.get("error"):
        print(f"{package.name}: {error}", flush=True)
        return False
    wrong = result["missing"] + result["stale"] + result["ghosts"]
    kinds = ", ".join(f"{result[kind]} {kind}" for kind in ("missing", "stale", "ghosts"))
    print(f"{package.name}: {wrong} documents wrong, of {result['documents']}: {kinds}", flush=True)
    if options.verbose:
        print(*(f"  {one}" for one in (*result["first"], f"raised: {result['raised']}")), sep="\n", flush=True)
    return not (package.capture and wrong)


def beside_of(package: Package, result: dict[str, Any], there: dict[str, str]) -> Sequence[str]:
    """Django, libraries, and the engine or database of the documents, with versions."""
    libraries = [each.partition("<")[0] for each in package.projects[1:]]
    named = [f"Django {there['django']}", *(f"{each} {there[each]}" for each in libraries)]
    if package.server:
        return [*named, engine(os.environ[package.server])]
    return named if package.projects else [*named, result.get("database", "")]


def engine(url: str) -> str:
    """What a server says that it is."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        version = json.load(answer)["version"]
    name = "OpenSearch" if version.get("distribution") == "opensearch" else "Elasticsearch"
    return f"{name} {version['number']}"


def play(package: Package, packages: Path, directory: Path, *mode: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "NC_SUITES_CAPTURE": package.capture,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)]),
    }
    command = [sys.executable, "-m", "tests.suites.search_packages.run", package.index, str(directory), *mode]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"error": done.stderr or "it printed nothing"}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())

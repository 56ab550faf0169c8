"""The catalogues of the package's translations, which gettext's tools keep up to date::

    python -m tests.support.catalogues

takes what is marked for translation into the catalogue of each language, compiles the catalogues, and lists what is
still to be translated.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import polib
except ImportError:
    polib = None

PACKAGE = Path(__file__).resolve().parents[2] / "notifications_counter"

#: Whether gettext's tools are installed.
HAS_GETTEXT = all(map(shutil.which, ("xgettext", "msgmerge", "msgfmt")))


def languages() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(path.parents[1].name for path in (PACKAGE / "locale").glob("*/LC_MESSAGES/django.po"))


def path_of(language: str, package: Path = PACKAGE) -> Path:
    """Where the catalogue of a language is."""
    return package / "locale" / language / "LC_MESSAGES" / "django.po"


def read(language: str, package: Path = PACKAGE) -> polib.POFile:
    """The catalogue of a language, as people write it."""
    return polib.pofile(str(path_of(language, package)))


def read_compiled(language: str) -> polib.MOFile:
    """The catalogue of a language, as Django reads it."""
    return polib.mofile(str(path_of(language).with_suffix(".mo")))


def update(package: Path = PACKAGE) -> None:
    """Take what is marked for translation in a package into its catalogues; what is marked no more goes.

    Args:
        package: the package's folder, or a copy of it.
    """
    command = ["makemessages", "--all", "--add-location", "file", "--no-obsolete", "--verbosity", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    # Without the folder on the path: its modules are not meant to be imported from within it.
    subprocess.run([sys.executable, "-P", "-m", "django", *command], cwd=package, env=environment, check=True)


def compile_all() -> None:
    """Make of each catalogue what Django reads."""
    for language in languages():
        path = path_of(language)
        subprocess.run(["msgfmt", "--check", "-o", path.with_suffix(".mo"), path], check=True)


def untranslated() -> dict[str, list[str]]:
    """The messages that lack a translation, or have only one that was guessed, each with the languages."""
    found: dict[str, list[str]] = {}
    for language in languages():
        for entry in read(language):
            if not entry.translated():
                found.setdefault(entry.msgid, []).append(language)
    return found


def main() -> None:
    """Update and compile the catalogues; the exit code is 1 if something is still to be translated."""
    update()
    compile_all()
    if found := untranslated():
        print("To be translated, in locale/LANGUAGE/LC_MESSAGES/django.po:")
        for message, lacking in found.items():
            print(f"  {', '.join(lacking)}: {message!r}")
        sys.exit(1)


if __name__ == "__main__":
    main()

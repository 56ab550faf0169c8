"""The catalogues: each has every message of the package, with the same placeholders, and is what Django reads."""

from __future__ import annotations

import ast
import gettext
import os
import re
import shutil
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.test import SimpleTestCase

from tests.support import catalogues
from tests.support.catalogues import HAS_GETTEXT, PACKAGE, languages, path_of, polib, read, read_compiled

#: Language -> how many plural forms it has: in French and Spanish round millions have one of their own.
PLURAL_FORMS = {"de": 2, "es": 3, "fr": 3, "ja": 1, "pt_BR": 2}

#: What stands for something else in a message.
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-zA-Z%]|\{\w*\}|#")

#: The functions that mark a message, and how many of their first arguments are texts.
MARKS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}

IN_CI = os.environ.get("CI") == "true"


def identity(entry: Any) -> tuple[str, str, str]:
    return (entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def texts(entry: Any) -> list[str]:
    """What a catalogue says for a message: each plural form."""
    return [entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural)] or [entry.msgstr]


@unittest.skipUnless(polib, "needs polib (pip install 'notifications_counter[test]')")
class CatalogueTest(SimpleTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.catalogues = {language: read(language) for language in languages()}

    def test_each_language_has_as_many_plural_forms_as_it_needs_and_every_one_is_used(self) -> None:
        self.assertEqual(languages(), sorted(PLURAL_FORMS))
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                with path_of(language).with_suffix(".mo").open("rb") as file:
                    form: Any = gettext.GNUTranslations(file).plural  # type: ignore[attr-defined]
                forms = list(range(PLURAL_FORMS[language]))
                self.assertEqual(sorted({form(number) for number in (0, 1, 2, 5, 11, 21, 100, 1_000_000)}), forms)
                for entry in catalogue:
                    if entry.msgid_plural:
                        self.assertEqual(sorted(entry.msgstr_plural), forms, entry.msgid)

    def test_every_message_is_translated_and_no_translation_is_guessed_or_left_over(self) -> None:
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                lacking = [entry.msgid for entry in catalogue if not all(texts(entry))]
                self.assertEqual(lacking, [], f"Not translated into {language}.")
                guessed = [entry.msgid for entry in catalogue.fuzzy_entries()]
                self.assertEqual(guessed, [], f"Guessed by msgmerge for {language}: look at it, and take 'fuzzy' out.")
                self.assertEqual([entry.msgid for entry in catalogue.obsolete_entries()], [])

    def test_the_compiled_catalogues_are_those_that_people_write(self) -> None:
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                written = {identity(entry): texts(entry) for entry in catalogue}
                compiled = {identity(entry): texts(entry) for entry in read_compiled(language)}
                self.assertEqual(compiled, written, "Run: python -m tests.support.catalogues")
                self.assertEqual(read_compiled(language).metadata["Plural-Forms"], catalogue.metadata["Plural-Forms"])

    def test_translations_have_the_placeholders_of_their_messages(self) -> None:
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                for entry in catalogue:
                    own = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
                    for text in texts(entry):
                        self.assertEqual(sorted(PLACEHOLDER.findall(text)), own, f"{entry.msgid!r}: {text!r}")

    def test_translations_begin_and_end_as_their_messages_do(self) -> None:
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                for entry in catalogue:
                    for text in texts(entry):
                        self.assertEqual(text.strip(), text)
                        ends = (entry.msgid[-1] in ".:", text[-1] in ".:。")
                        self.assertEqual(*ends, f"{entry.msgid!r}: {text!r}")

    def test_what_django_says_too_is_said_as_django_does(self) -> None:
        """Django merges the catalogues of all apps: another translation would change those of the site's admin."""
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                theirs: dict[tuple[str, str, str], list[list[str]]] = {}
                for path in Path(django.__path__[0]).rglob(f"locale/{language}/LC_MESSAGES/django.mo"):
                    for entry in polib.mofile(str(path)):
                        theirs.setdefault(identity(entry), []).append(texts(entry))
                shared = [entry for entry in catalogue if identity(entry) in theirs]
                self.assertGreater(len(shared), 5)
                for entry in shared:
                    self.assertIn(texts(entry), theirs[identity(entry)], entry.msgid)

    def test_every_text_that_code_marks_is_in_the_catalogues(self) -> None:
        """Also without gettext's tools; and where they look in vain, such as in an f-string."""
        every = list(marked())
        for language, catalogue in self.catalogues.items():
            with self.subTest(language):
                known = {entry.msgid for entry in catalogue} | {entry.msgid_plural for entry in catalogue}
                self.assertEqual([place for place, text in every if text not in known], [])


def marked() -> Iterator[tuple[str, str]]:
    """Where code marks a text for translation, and the text."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            for argument in node.args[: MARKS.get(node.func.id, 0)]:
                if isinstance(argument, ast.Constant):
                    place = f"{path.relative_to(PACKAGE)}:{argument.lineno}"
                    yield f"{place} {argument.value!r}", str(argument.value)


@unittest.skipUnless(polib, "needs polib (pip install 'notifications_counter[test]')")
@unittest.skipUnless(HAS_GETTEXT or IN_CI, "needs xgettext and msgmerge (apt-get install gettext)")
class ExtractionTest(SimpleTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = self.enterContext(tempfile.TemporaryDirectory())
        self.copy = Path(directory) / PACKAGE.name
        shutil.copytree(PACKAGE, self.copy, ignore=shutil.ignore_patterns("__pycache__"))

    def test_the_catalogues_have_just_what_the_package_marks_for_translation(self) -> None:
        catalogues.update(self.copy)
        for language in languages():
            with self.subTest(language):
                kept = {identity(entry) for entry in read(language)}
                found = {identity(entry) for entry in read(language, self.copy)}
                self.assertGreater(len(found), 100)
                self.assertEqual(sorted(found - kept), [], "Run: python -m tests.support.catalogues; and translate it.")
                self.assertEqual(sorted(kept - found), [], "Run: python -m tests.support.catalogues")

    def test_a_message_that_somebody_adds_to_a_template_or_to_code_is_found(self) -> None:
        template = self.copy / "inbox" / "templates" / "notifications_counter" / "inbox" / "empty.html"
        template.write_text(template.read_text() + "{% translate 'Nobody has ever said this.' %}")
        code = self.copy / "inbox" / "kinds.py"
        code.write_text(code.read_text() + '\nSAID = gettext("Nor this.")\n')
        catalogues.update(self.copy)
        for language in languages():
            found = {entry.msgid for entry in read(language, self.copy)} - {entry.msgid for entry in read(language)}
            self.assertEqual(found, {"Nobody has ever said this.", "Nor this."})

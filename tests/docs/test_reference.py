"""What the reference lists is what the package has, no more and no less."""

from __future__ import annotations

import ast
import configparser
import re
import runpy
from pathlib import Path

from django.test import SimpleTestCase

from notifications_counter import exceptions
from notifications_counter.buffers.database import DatabaseBuffer
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.monitoring import metrics

from .project import ROOT

DOCS = ROOT / "docs"
PACKAGE = ROOT / "notifications_counter"


def page(name: str) -> str:
    return (DOCS / f"{name}.rst").read_text()


def listed(text: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, text, re.MULTILINE))


def _said(path: Path) -> str:
    """The texts of a module, in one: those that stand side by side are one message."""
    texts = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return " ".join(str(node.value) for node in texts if isinstance(node.value, str))


class ReferenceTest(SimpleTestCase):
    def test_the_settings_page_lists_each_option_of_each_buffer(self) -> None:
        _, database, redis = re.split(r"^The (?:database|Redis) buffer\n=+$", page("settings"), flags=re.MULTILINE)
        for buffer, text in ((DatabaseBuffer, database), (RedisBuffer, redis)):
            self.assertEqual(listed(text, r"^``([A-Z_]+)`` "), set(buffer.defaults))

    def test_the_page_of_the_checks_lists_each_id(self) -> None:
        sources = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
        ids = listed(sources, r'"notifications_counter\.([EW]\d{3})"')
        ids |= {f"E{int(number):03}" for number in re.findall(r"_error\([^)]*, (\d+)\)", sources)}
        documented = listed(page("checks"), r"^([EW]\d{3}) ")
        self.assertEqual(ids - documented, set())

    def test_the_page_on_monitoring_lists_each_metric(self) -> None:
        documented = listed(page("monitoring"), r"^``([a-z_]+)``  ")
        self.assertEqual(documented, {"up", *(metric.name for metric in metrics.METRICS)})

    def test_the_api_page_lists_each_exception(self) -> None:
        classes = {name: each for name, each in vars(exceptions).items() if isinstance(each, type)}
        public = {name for name, each in classes.items() if each.__module__ == exceptions.__name__}
        members = page("api").partition(":members: CounterError,")[2].partition("\n\n")[0]
        self.assertEqual({"CounterError", *re.split(r",\s*", members.strip())}, public)

    def test_the_table_of_seams_has_a_row_for_each_module_of_compat(self) -> None:
        modules = {path.stem for path in (PACKAGE / "compat").glob("*.py")} - {"__init__"}
        self.assertEqual(listed(page("upgrading"), r"^   \* - ``compat/(\w+)\.py``$"), modules)

    def test_what_messages_say_of_the_documentation_is_there(self) -> None:
        """A page by its title; a part of it by its heading, after "under"."""
        named = {
            tuple(found)
            for path in PACKAGE.rglob("*.py")
            for found in re.findall(r'the page "([^"]+)" of the documentation(?:[^"]*?under "([^"]+)")?', _said(path))
        }
        pages = [path.read_text() for path in (ROOT / "docs").glob("*.rst")]
        self.assertGreater(len(named), 1)
        for title, heading in named:
            lines = next((text.splitlines() for text in pages if title in text.splitlines()[:2]), [])
            self.assertIn(heading or title, lines)

    def test_links_of_the_readme_lead_to_files(self) -> None:
        links = re.findall(r"<(docs/[^>]+)>`_", (ROOT / "README.rst").read_text())
        self.assertGreater(len(links), 10)
        self.assertEqual([link for link in links if not (ROOT / link).exists()], [])


class DrawingTest(SimpleTestCase):
    def setUp(self) -> None:
        self.drawing = runpy.run_path(str(DOCS / "drawings" / "architecture.py"))

    def test_the_drawing_of_the_layers_is_made_by_its_script(self) -> None:
        said = "run python docs/drawings/architecture.py"
        self.assertEqual((DOCS / "architecture.svg").read_text(), self.drawing["svg"](), said)

    def test_the_layers_of_the_drawing_are_those_of_the_import_contract(self) -> None:
        contract = configparser.ConfigParser()
        contract.read(ROOT / ".importlinter")
        lines = contract["importlinter:contract:layers"]["layers"].split()
        names = [name for name in (word.strip("()") for word in lines) if name not in ("|", "migrations")]
        drawn = {name: place for place, layer in enumerate(self.drawing["LAYERS"]) for name in layer.names}
        self.assertEqual({name for name in names if exists(name)} - drawn.keys(), set(), "not drawn")
        self.assertEqual(drawn.keys() - set(names), set(), "drawn, but in no layer")
        places = [drawn[name] for name in names if name in drawn]
        self.assertEqual(places, sorted(places), names)


def exists(name: str) -> bool:
    return (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()

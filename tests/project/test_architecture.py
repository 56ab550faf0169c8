"""The layers: no cycle, no import that points up, no import inside a function. ``.importlinter`` names the layers."""

from __future__ import annotations

import ast
import subprocess
import sys
import unittest
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "notifications_counter"

#: Where an import may stand inside a function: file, or folder, and the function.
ALLOWED = {("apps.py", "ready"), ("__init__.py", "__getattr__"), ("compat", "")}

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def layers() -> dict[str, int]:
    """The top-level modules, and the layer of each: 0 is the highest."""
    config = ConfigParser()
    config.read(ROOT / ".importlinter")
    lines = config["importlinter:contract:layers"]["layers"].split("\n")
    named = [line.replace("(", "").replace(")", "").split("|") for line in lines if line.strip()]
    return {name.strip(): height for height, names in enumerate(named) for name in names}


@unittest.skipUnless(find_spec("grimp"), "needs import-linter")
class ImportsTest(unittest.TestCase):
    """Type-only imports are counted too."""

    def setUp(self) -> None:
        import grimp

        graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)
        self.imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    def cycles(self) -> list[list[str]]:
        """A way back to itself from each module that has one."""
        return [cycle for module in sorted(self.imports) if (cycle := self.way(module, module))]

    def way(self, start: str, goal: str) -> list[str]:
        seen, ways = set(), [[start]]
        while ways:
            way = ways.pop()
            for following in self.imports[way[-1]]:
                if following == goal:
                    return [*way, goal]
                if following not in seen:
                    seen.add(following)
                    ways.append([*way, following])
        return []

    def upward(self) -> list[str]:
        found, heights = [], layers()
        for module, imported in self.imports.items():
            own = module.split(".")[1:2]
            for other in imported:
                if own and own != (there := other.split(".")[1:2]) and heights[own[0]] >= heights[there[0]]:
                    found.append(f"{module} imports {other}")
        return found

    def test_nothing_imports_itself_in_a_circle(self) -> None:
        cycles = self.cycles()
        print(f"{len(self.imports)} modules, {len(cycles)} cycles")
        self.assertEqual([" -> ".join(cycle) for cycle in cycles], [])

    def test_no_import_points_up(self) -> None:
        upward = self.upward()
        print(f"{len(upward)} upward imports")
        self.assertEqual(upward, [])

    def test_the_contracts_hold(self) -> None:
        done = subprocess.run([sys.executable, "-c", LINT, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class FunctionLevelImportsTest(unittest.TestCase):
    def test_no_import_stands_inside_a_function(self) -> None:
        found = [place for path in sorted((ROOT / PACKAGE).rglob("*.py")) for place in inside_functions(path)]
        print(f"{len(found)} imports inside functions")
        self.assertEqual(found, [])


def inside_functions(path: Path) -> Iterator[str]:
    """Where a file imports inside a function that may not."""
    relative = path.relative_to(ROOT / PACKAGE)
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if {(relative.name, function.name), (relative.parts[0], "")} & ALLOWED:
            continue
        for node in ast.walk(function):
            if is_import(node):
                yield f"{relative}:{node.lineno} in {function.name}()"  # type: ignore[attr-defined]


def is_import(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("import_module", "__import__")

"""The tutorial's shop, a part of the example site: its modules are imported, its pages served by processes."""

import sys
from pathlib import Path

from tests.support.installed import tests_of

sys.path.append(str(Path(__file__).resolve().parents[2] / "example"))

load_tests = tests_of("notifications_counter.contrib.search", __file__)

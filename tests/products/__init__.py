"""The tutorial's shop, a part of the example site: its modules are imported, its pages served by processes."""

import sys

from tests.support.base import ROOT

sys.path.append(str(ROOT / "example"))

"""The tutorial's shop, which is part of the example site: its modules can be imported, its pages are served by processes."""

import sys

from tests.support.base import ROOT

sys.path.append(str(ROOT / "example"))

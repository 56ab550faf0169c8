"""The tutorial's shop, a part of the example site: its modules are imported, its pages served by processes."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "example"))

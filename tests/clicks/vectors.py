"""The vectors of the WHATWG URL Standard that have no base."""

import json
from pathlib import Path

#: Each with its ``input``, and with ``href``, or with ``failure`` where it is no address.
VECTORS = json.loads((Path(__file__).parent / "data" / "urltestdata.json").read_text())

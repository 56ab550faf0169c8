"""Products to begin with, and pictures of them, which are drawn here."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw

from .models import Category

SIDE = 640
COLOURS = {
    "blue": "#3552d1", "red": "#c0392b", "green": "#2e8b57", "white": "#e8e6df", "black": "#22252d", "yellow": "#e0b01f"
}  # fmt: skip
#: The corners of each shape, in hundredths.
SHIRT = [(30, 20), (70, 20), (90, 40), (78, 50), (70, 44), (70, 85), (30, 85), (30, 44), (22, 50), (10, 40)]
SHOE = [(12, 50), (30, 40), (45, 30), (60, 48), (88, 58), (90, 72), (12, 72)]
LAMP = [(35, 15), (65, 15), (80, 50), (54, 50), (54, 80), (68, 86), (32, 86), (46, 80), (46, 50), (20, 50)]
KETTLE = [(35, 25), (65, 25), (78, 82), (22, 82), (26, 58), (10, 40), (16, 34), (30, 48)]
HAMMER = [(25, 18), (75, 18), (75, 38), (56, 38), (56, 88), (44, 88), (44, 38), (25, 38)]
#: What there is of each colour.
THINGS = {
    "shirt": (SHIRT, Category.CLOTHES),
    "running shoe": (SHOE, Category.CLOTHES),
    "lamp": (LAMP, Category.HOUSE),
    "kettle": (KETTLE, Category.HOUSE),
    "hammer": (HAMMER, Category.TOOLS),
}
#: Name -> title and category.
PICTURES = {
    f"{colour}-{thing.replace(' ', '-')}": (f"{colour.title()} {thing}", category)
    for thing, (_, category) in THINGS.items()
    for colour in COLOURS
}


@cache
def draw(name: str) -> bytes:
    """A picture as PNG."""
    colour, _, thing = name.partition("-")
    picture = Image.new("RGB", (SIDE, SIDE), "#aab4cc" if colour == "white" else "#f1f3f8")
    corners = [(x * SIDE // 100, y * SIDE // 100) for x, y in THINGS[thing.replace("-", " ")][0]]
    ImageDraw.Draw(picture).polygon(corners, fill=COLOURS[colour])
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()

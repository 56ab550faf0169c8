"""Small pictures of a large one."""

from __future__ import annotations

from io import BytesIO

from .fetching import ImageRefused

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError:
    raise ImportError("Pillow is not installed. Install it with: python -m pip install '.[demo]'") from None

#: The longest side of each, in pixels.
SIZES = (96, 480)
#: A file of a few kilobytes may become gigabytes of pixels.
MOST_PIXELS = 25_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def thumbnails(data: bytes) -> dict[int, bytes]:
    """Size -> a picture in WebP.

    Raises:
        ImageRefused: it is none of the formats, is broken, or has too many pixels.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ImageRefused(f"The picture has more than {MOST_PIXELS:,} pixels.")
            whole = ImageOps.exif_transpose(image).convert("RGBA")
            return {size: _smaller(whole, size) for size in SIZES}
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise ImageRefused(f"This is no picture that can be read ({', '.join(FORMATS)}).") from error


def _smaller(whole: Image.Image, size: int) -> bytes:
    copy, out = whole.copy(), BytesIO()
    copy.thumbnail((size, size))
    copy.save(out, "WEBP", quality=80)
    return out.getvalue()

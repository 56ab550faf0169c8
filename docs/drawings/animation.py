"""Records two windows of the demo site side by side: one sends notifications, the other's badge counts them.

    python -m pip install '.[drawings]'
    python docs/drawings/animation.py

writes docs/live-badge.gif. It takes a Chromium on PATH, and starts and ends the demo itself.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "docs" / "live-badge.gif"
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)

#: Pixels: of a page, and of what is drawn around it.
WIDTH, HEIGHT, BAR, GAP = 550, 540, 30, 14
COLOURS = {"desk": "#d5dae6", "bar": "#eceff5", "ink": "#3d4559", "line": "#b9c0d0", "pointer": "#1a1f2c"}
TEXTS = ["sent you the slides", "asked for your vote", "mentioned you in a comment"]


class Film:
    """Frames of both windows, and how long each is shown.

    Args:
        windows: the names of those who look, and their pages.
    """

    def __init__(self, windows: dict[str, Page]) -> None:
        self.windows = windows
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def take(self, milliseconds: int, pointer: Locator | None = None) -> None:
        """Take a frame, with a pointer on what is about to be pressed."""
        size = (2 * WIDTH + 3 * GAP, HEIGHT + BAR + 2 * GAP)
        frame = Image.new("RGB", size, COLOURS["desk"])
        for place, (name, page) in enumerate(self.windows.items()):
            left = GAP + place * (WIDTH + GAP)
            self._window(frame, left, name, page)
            box = pointer.bounding_box() if pointer is not None and pointer.page is page else None
            if box is not None:
                at = (left + box["x"] + box["width"] * 0.6, GAP + BAR + box["y"] + box["height"] * 0.5)
                draw_pointer(frame, at)
        self.frames.append(frame)
        self.durations.append(milliseconds)

    def _window(self, frame: Image.Image, left: int, name: str, page: Page) -> None:
        draw = ImageDraw.Draw(frame)
        draw.rectangle((left - 1, GAP - 1, left + WIDTH, GAP + BAR + HEIGHT), COLOURS["bar"], COLOURS["line"])
        for number, colour in enumerate(("#e0685e", "#e2b24a", "#62b95f")):
            x = left + 12 + number * 18
            draw.ellipse((x, GAP + 10, x + 10, GAP + 20), colour)
        draw.text((left + 76, GAP + 7), name, COLOURS["ink"], ImageFont.load_default(14))
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
        frame.paste(picture, (left, GAP + BAR))

    def save(self) -> None:
        """One palette for all frames, so that only what changes is stored."""
        sample = Image.new("RGB", (self.frames[0].width, self.frames[0].height * 2))
        for place, frame in enumerate((self.frames[0], self.frames[-2])):
            sample.paste(frame, (0, place * frame.height))
        palette = sample.quantize(128, Image.Quantize.MEDIANCUT)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        frames[0].save(TARGET, save_all=True, append_images=frames[1:], duration=self.durations, loop=0, optimize=True)


def draw_pointer(frame: Image.Image, at: tuple[float, float]) -> None:
    arrow = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]
    ImageDraw.Draw(frame).polygon([(at[0] + x, at[1] + y) for x, y in arrow], COLOURS["pointer"], "#fff", 1)


def badge_shows(page: Page, number: int) -> None:
    page.wait_for_function(f"document.querySelector('unread-badge').count === {number}")


def window(browser: Browser, url: str, name: str) -> Page:
    page = browser.new_context(base_url=url, viewport={"width": WIDTH, "height": HEIGHT}).new_page()
    page.goto("/")
    page.click(f"text=Log in as {name}")
    page.wait_for_selector("unread-badge")
    return page


def play(browser: Browser, url: str) -> Film:
    """Ada sends, Ben's badge counts, and then he reads."""
    ada, ben = window(browser, url, "Ada"), window(browser, url, "Ben")
    ben.goto("/inbox/")
    ben.click("text=Mark all as read")
    badge_shows(ben, 0)
    ben.goto("/")
    badge_shows(ben, 0)
    ada.goto("/send/")
    ada.select_option("[name=to]", label="ben")
    film = Film({"Ada": ada, "Ben": ben})
    film.take(1200)
    send, text = ada.locator("form[data-stay] button"), ada.locator("[name=text]")
    for number, words in enumerate(TEXTS, 1):
        text.fill(words)
        film.take(500, pointer=send)
        send.click()
        badge_shows(ben, number)
        ada.wait_for_selector("text=1 sent to Ben")
        film.take(900, pointer=send)
    inbox = ben.locator("nav >> text=Inbox")
    film.take(500, pointer=inbox)
    inbox.click()
    ben.wait_for_selector(".nc-item")
    badge_shows(ben, len(TEXTS))
    film.take(1600)
    mark_all = ben.locator("text=Mark all as read")
    film.take(700, pointer=mark_all)
    mark_all.click()
    badge_shows(ben, 0)
    ben.wait_for_selector("#inbox-mark-all[disabled]")
    film.take(2200)
    return film


@contextmanager
def demo() -> Iterator[str]:
    """The demo site's address, while it is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "example" / "manage.py"), "demo", f"--port={port}"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if not any("Ctrl-C ends" in line for line in process.stdout):
                sys.exit("The demo has not started.")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate()


def main() -> None:
    if CHROMIUM is None:
        sys.exit("There is no Chromium on PATH.")
    with demo() as url, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        play(browser, url).save()
        browser.close()
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""Processes that the demo starts and that must end with it."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
SECONDS_TO_END = 10


class Interrupted(BaseException):
    """A signal asks the demo to end. Not an Exception, so that nobody takes it for a failure of what was going on."""


class Interrupts:
    """Turns the first signal into ``Interrupted``; the steps on the way out have limits of their own.

    Attributes:
        number: the number of that signal, or 0.
    """

    def __init__(self) -> None:
        self.number = 0
        self._held = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        # What is ignored stays ignored: nohup.
        previous = {number: signal.getsignal(number) for number in SIGNALS}
        caught = [number for number, handler in previous.items() if handler != signal.SIG_IGN]
        for number in caught:
            signal.signal(number, self._interrupt)
        try:
            yield
        finally:
            if not self.number:  # else a second Ctrl-C still finds nothing to interrupt
                for number in caught:
                    signal.signal(number, previous[number])

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self.number:
            self.number = number
            if not self._held:
                raise Interrupted

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let no signal come between the start of a process and the note that it must be ended."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self.number:
            raise Interrupted


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

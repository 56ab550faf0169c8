"""The source distributions that hold the suites, fetched once into a temporary directory."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / f"notifications_counter-suites-{os.getuid()}"


def unpacked(project: str, release: str = "") -> Path:
    """The directory of a project's source distribution.

    Args:
        project: its name on the package index.
        release: which one; the installed one without it.
    """
    release = release or version(project)
    directory = CACHE / f"{project}-{release}"
    if not directory.exists():
        _unpack(_download(project, release), directory)
    (inner,) = directory.iterdir()
    return inner


def _download(project: str, release: str) -> Path:
    directory = tempfile.mkdtemp(prefix="sdist-", dir=_cache())
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", project, "--no-deps"]
    subprocess.run([*command, "--dest", directory, f"{project}=={release}"], check=True)
    (archive,) = Path(directory).iterdir()
    return archive


def _unpack(archive: Path, directory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=_cache()) as unfinished, tarfile.open(archive) as tar:
        inner = Path(unfinished) / "whole"
        tar.extractall(inner, filter="data")
        inner.rename(directory)


def _cache() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE

"""Where deltas are pending. ``buffers["default"]`` is the buffer that the settings configure under that alias."""

from .base import Buffer
from .handler import BufferHandler, buffers

__all__ = ["Buffer", "BufferHandler", "buffers"]

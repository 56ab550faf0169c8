"""The Redis buffer."""

from .buffer import RedisBuffer

__all__ = ["RedisBuffer"]

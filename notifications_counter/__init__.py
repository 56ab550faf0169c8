"""An exact unread count for every user, at the price of one cache read."""

__version__ = "0.1.0"

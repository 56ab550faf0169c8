"""Goka's second example: an emitter of clicks, a processor that counts them by user, and a view."""

from notifications_counter.contrib.streams import Emitter, Processor, View, codecs

from .models import UserClicks

TOPIC = "user-clicks"
PARTITIONS = 10
USERS = [f"user-{number}" for number in range(10)]

clicks = Emitter(TOPIC, str)
processor = Processor("mini-group", inputs={TOPIC: str}, table=UserClicks)
view = View(processor, codecs.Field("Clicks"))

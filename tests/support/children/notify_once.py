"""Create a notification for a user; prints when its transaction had been committed."""

import json
import sys
import time

import django

django.setup()

from notifications_counter.models import Notification  # noqa: E402

Notification.objects.create(user_id=int(sys.argv[1]), text="from another process")
print(json.dumps(time.time()))

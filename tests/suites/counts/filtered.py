"""What is counted of the models of packages for notifications, besides all rows: what their users would count."""

from __future__ import annotations

from django.db.models import Q

INBOX = [("recipient", Q(unread=True)), ("recipient", Q(unread=True, deleted=False) & ~Q(level__in=["error"]))]

#: Model -> the key and the condition of each counter.
FILTERED = {
    "notifications.Notification": INBOX,
    "sample_notifications.Notification": INBOX,
    "test_models.CategorizedNotification": [*INBOX, ("category", Q(unread=True))],
    "generic_notifications.Notification": [
        ("recipient", Q(read__isnull=True)),
        ("notification_type", Q(read__isnull=True)),
        ("actor", Q(read__isnull=False)),
    ],
    "generic_notifications.NotificationChannel": [("channel", Q(sent_at__isnull=True))],
    "generic_notifications.NotificationTypeChannelPreference": [("user", Q(enabled=True))],
}

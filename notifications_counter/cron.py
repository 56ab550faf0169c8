"""The entry point for django-crontab, and for any other scheduler that calls a function.

CRONJOBS = [("* * * * *", "notifications_counter.cron.update_counter")]
"""

from django.core.management import call_command


def update_counter(**options: object) -> None:
    """Apply what is buffered of all counters.

    Args:
        options: those of ``manage.py notification_update_counter``, such as ``chunk``.

    Raises:
        CommandError: something could not be flushed; it is still pending. The log says what.
    """
    call_command("notification_update_counter", **options)

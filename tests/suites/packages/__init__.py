"""The suites of django-notifications-community and django-generic-notifications."""

import os
from urllib.parse import urlsplit

TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
INSTALLED_APPS = [*INSTALLED_APPS, "notifications_counter"]
# For check --deploy of Django 6.1, which refuses the one of a new project.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}

if "DOCS_POSTGRESQL_URL" in os.environ:
    url = urlsplit(os.environ["DOCS_POSTGRESQL_URL"])
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.hostname,
        "PORT": url.port,
    }

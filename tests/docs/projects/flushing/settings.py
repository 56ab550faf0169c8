CELERY_BROKER_URL = "memory://"

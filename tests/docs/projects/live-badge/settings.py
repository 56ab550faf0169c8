INSTALLED_APPS = [*INSTALLED_APPS, "notifications_counter.inbox"]

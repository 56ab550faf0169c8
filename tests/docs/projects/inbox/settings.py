# The page itself installs it.
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "notifications_counter"]

"""Live values: streams of server-sent events that show what a user's browser shows, without a connection each.

A ``channel.Channel`` says whose values there are and reads them, ``views.live_view`` gives it an address, and
``asgi.Live`` is put around the site's ASGI application. Only the last is imported before Django is set up.
"""

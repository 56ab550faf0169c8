"""The inbox: a page, a live badge, a JSON API and sending to many, on the public API of the counters."""

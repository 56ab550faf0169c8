"""Commands that run other people's test suites with counters attached to their models.

``python -m tests.suites.django`` runs Django's own, ``python -m tests.suites.packages`` those of two packages for
notifications. Each runs twice, without and with counters; they say which tests changed their result, and which counters
were not ``COUNT(*)`` after which test. Nothing here is collected by the normal run of the tests.
"""

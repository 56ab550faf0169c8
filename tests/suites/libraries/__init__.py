"""Common libraries beside a counter: one scenario each, in ``scenarios``, which ``catalog`` lists."""

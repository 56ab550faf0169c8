"""Apps of their own, built on the public API of the counters. Each is off unless it is installed."""

"""The state of counters, for people and for programs that watch them."""

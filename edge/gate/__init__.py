"""The decision core: pure. No clock, no I/O, no threads, no logging."""

"""The local journal behind TinyDB's API, and the thread that writes it."""

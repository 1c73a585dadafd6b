"""The way from the journal to the broker, and the gate's state on it."""

"""The world that simulated devices live in."""

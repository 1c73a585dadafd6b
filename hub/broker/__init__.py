"""What the broker has to know about the park: its access list."""

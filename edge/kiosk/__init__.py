"""What the person at the gate sees and hears: a page on loopback for each reader's display."""

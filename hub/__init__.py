"""The central side: takes the feed of all gates, stores each record once, and says so."""

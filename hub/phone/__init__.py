"""The rotating pass on phones: a page that works offline, and a small server for it."""

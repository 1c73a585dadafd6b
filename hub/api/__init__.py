"""The hub over HTTP, for programs and pages."""

"""Where records are kept: one contract (hub.store.base), a store for each database."""

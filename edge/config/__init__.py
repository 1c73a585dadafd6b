"""The gate's configuration: `model` says what may stand in it, `load` reads and explains it."""

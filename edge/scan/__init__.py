"""Frame to code to credential, in a process of its own for each reader."""

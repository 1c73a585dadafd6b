"""`python -m edge` is `edge-gate`."""

from edge.cli import main

if __name__ == "__main__":
    main()

"""`python -m bench`: every benchmark, one after the other; `python -m bench gate` just that one."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    wanted = [f"bench_{name}" for name in sys.argv[1:]] or found
    unknown = set(wanted) - set(found)
    if unknown:
        names = ", ".join(name.removeprefix("bench_") for name in found)
        sys.exit(f"bench: no {', '.join(sorted(unknown))}; there are {names}")
    for name in wanted:
        print(f"\n### {name}\n", flush=True)
        sys.argv = [name]
        runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

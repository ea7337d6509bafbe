"""JupyterLab as a process, for a test that uses a notebook as a person does."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import IO

import psutil

#: Generous, because other tests run at the same time.
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LISTENING = re.compile(r"http://127\.0\.0\.1:\d+/")
#: It asks the person for permission to fetch news.
_ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"


@contextmanager
def running_lab(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve the notebooks in `folder / "notebooks"`; gives the address, ending in a slash, and a token."""
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    environment = {**os.environ, **_own_folders(folder), "JUPYTER_TOKEN": token}
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        log = _Log(process.stdout)
        try:
            yield log.address(), token
        finally:
            _stop(process)


class _Log:
    """Reads the server's log to its end, so that the server never waits for a reader."""

    def __init__(self, stream: IO[str]) -> None:
        self._last: deque[str] = deque(maxlen=30)
        self._address: str | None = None
        self._known = Event()
        Thread(target=self._read, args=(stream,), daemon=True).start()

    def address(self) -> str:
        """Wait until the server listens."""
        self._known.wait(_START_SECONDS)
        assert self._address is not None, "JupyterLab did not start:\n" + "".join(self._last)
        return self._address

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._last.append(line)
            found = _LISTENING.search(line)
            if found and self._address is None:
                self._address = found[0]
                self._known.set()
        self._known.set()


def _own_folders(folder: Path) -> dict[str, str]:
    """Environment variables that keep the person's own settings and files out."""
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    settings = folder / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": {_ANNOUNCEMENTS: True}}))
    return {variable: str(folder / name) for variable, name in names.items()}


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the server, which stops its kernels; then kill whatever of them is left."""
    try:
        kernels = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    _, left = psutil.wait_procs(kernels, timeout=2)
    for kernel in left:
        kernel.kill()
    psutil.wait_procs(left)

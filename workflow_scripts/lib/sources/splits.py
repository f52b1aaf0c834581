"""Configs and splits of a data set's repository, as the `datasets` library reads its card and its file names."""

import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources.names import is_unsafe
from workflow_scripts.lib.sources.uris import Uri

Splits = dict[str, dict[str, list[str]]]  # config -> split -> names of files


def files_of_splits(names: list[str], card: str | None, config: str, uri: Uri) -> Splits:
    """Return every config, and of the wanted one the splits and their files.

    The library is shown a folder of empty files with these names: what it decides by is the names and the card, and
    so it need not be let near the network.

    Raises:
        UserError: If the library cannot make configs and splits of them.
    """
    from datasets import get_dataset_config_names, load_dataset_builder  # a second, which files by name do without

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        root.mkdir()
        for name in names:
            if not is_unsafe(name) and not name.endswith(".py"):
                path = root.joinpath(*PurePosixPath(name).parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        if card is not None:
            (root / "README.md").write_text(card, encoding="utf-8")
        try:
            found: Splits = {name: {} for name in get_dataset_config_names(str(root))}
            if config in found:
                builder = load_dataset_builder(str(root), name=config, cache_dir=folder)
                for split, files in builder.config.data_files.items():
                    found[config][str(split)] = [Path(file).relative_to(root.resolve()).as_posix() for file in files]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            reason = str(error).replace(str(root), uri.package).partition("\n")[0]
            raise UserError(
                f"{uri.package} has no configs and splits that can be told from its names ({reason})",
                uri.text,
                f"name its files, as {uri.scheme}://{uri.package}/<path or glob>",
            ) from None
    return found

"""Where bytes come from, by scheme. A new one is a module here, one line below, its form in ``uris.py``, its test."""

import importlib
from types import ModuleType

# A module either has download(uri, folder) -> archive and extract(archive, uri, folder), or
# listing(uri, revision, folder) -> Listing. Text: editing one scheme must not make the others' fetches stale.
MODULES: dict[str, str] = {
    "hf": "workflow_scripts.lib.sources.hf",
    "http": "workflow_scripts.lib.sources.web",
    "https": "workflow_scripts.lib.sources.web",
    "modelscope": "workflow_scripts.lib.sources.modelscope",
    "npm": "workflow_scripts.lib.sources.npm",
    "pypi": "workflow_scripts.lib.sources.pypi",
}


def load(scheme: str) -> ModuleType:
    return importlib.import_module(MODULES[scheme])

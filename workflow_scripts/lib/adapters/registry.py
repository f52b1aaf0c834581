"""The adapters by name. A new one is a module here, one line below, and its test."""

import importlib
from types import ModuleType

from workflow_scripts.lib.config.options import hint
from workflow_scripts.lib.errors import UserError

# Module names as text: importing them all would make every source stale when one adapter is edited.
MODULES: dict[str, str] = {
    "alpaca": "workflow_scripts.lib.adapters.alpaca",
    "chinese_instruct": "workflow_scripts.lib.adapters.chinese_instruct",
    "chinese_poetry": "workflow_scripts.lib.adapters.chinese_poetry",
    "coig": "workflow_scripts.lib.adapters.coig",
    "coig_p": "workflow_scripts.lib.adapters.coig_p",
    "coig_pc_core": "workflow_scripts.lib.adapters.coig_pc_core",
    "derived_pairs": "workflow_scripts.lib.adapters.derived_pairs",
    "dpo_en_zh": "workflow_scripts.lib.adapters.dpo_en_zh",
    "harmless": "workflow_scripts.lib.adapters.harmless",
    "hh_rlhf": "workflow_scripts.lib.adapters.hh_rlhf",
    "labelled_pair": "workflow_scripts.lib.adapters.labelled_pair",
    "lawshift": "workflow_scripts.lib.adapters.lawshift",
    "messages": "workflow_scripts.lib.adapters.messages",
    "oasst1": "workflow_scripts.lib.adapters.oasst1",
    "poem_tasks": "workflow_scripts.lib.adapters.poem_tasks",
    "pku_saferlhf": "workflow_scripts.lib.adapters.pku_saferlhf",
    "preference": "workflow_scripts.lib.adapters.preference",
    "prompt_completion": "workflow_scripts.lib.adapters.prompt_completion",
    "pubmed_qa": "workflow_scripts.lib.adapters.pubmed_qa",
    "red_team": "workflow_scripts.lib.adapters.red_team",
    "sharegpt": "workflow_scripts.lib.adapters.sharegpt",
    "shp": "workflow_scripts.lib.adapters.shp",
    "slim_orca": "workflow_scripts.lib.adapters.slim_orca",
    "stack_exchange": "workflow_scripts.lib.adapters.stack_exchange",
    "ultrafeedback": "workflow_scripts.lib.adapters.ultrafeedback",
    "ultrafeedback_binarized": "workflow_scripts.lib.adapters.ultrafeedback_binarized",
}


def load(name: str, source: str) -> ModuleType:
    """Return the adapter's module.

    It has ``USES``; ``SHAPES``, sets of columns of which a row must have one; ``OPTIONAL``, further columns it reads;
    ``Options``; ``convert(rows, options, context)``. It may have ``NOT_FOR``, why it does not serve a use,
    ``DERIVES`` if its pairs are made and not judged, ``fits(row)``, for rows whose shape is not told by names of
    columns, and ``ROW_BY_ROW`` if what becomes of a record does not hang on other records.

    Raises:
        UserError: If there is no adapter of that name.
    """
    if name not in MODULES:
        raise UserError(
            f"unknown adapter {name!r}",
            f"sources.{source}.adapter",
            f"{hint(name, MODULES)}choose one of: {', '.join(sorted(MODULES))}",
        )
    return importlib.import_module(MODULES[name])


def is_row_by_row(name: str, source: str) -> bool:
    """Return whether the records of a source may be converted in several places."""
    return hasattr(load(name, source), "ROW_BY_ROW")

"""What the harness's own tasks are: their members, and the data they read."""

from pathlib import Path
from typing import Any

from lm_eval import tasks as harness_tasks
from lm_eval.tasks import TaskManager

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.task_files import DataSet

FOLDER = Path(harness_tasks.__file__).parent


def find(names: list[str]) -> TaskManager:
    """Return the harness's index of these tasks.

    Raises:
        UserError: If it knows no task of a name, or the name stands for several tasks without a figure of their own.
    """
    manager = _small_index(names)
    if manager is None:
        manager = TaskManager()  # reads 14,683 definitions, which takes ten seconds
    for name in names:
        if name not in manager.task_index:
            raise UserError(
                f"unknown task {name!r}", "eval.tasks", "choose one that `lm-eval ls tasks` lists, or a local one"
            )
        if name in manager.all_tags:
            members = ", ".join(sorted(manager.task_index[name].tags)[:20])
            raise UserError(f"{name!r} stands for several tasks", "eval.tasks", f"name those that you want: {members}")
    return manager


def members(manager: TaskManager, name: str) -> list[str]:
    """Return the tasks that a name stands for: itself, or the members of a group and of its groups."""
    if name not in manager.all_groups:
        return [name]
    listed = manager.task_index[name].cfg["task"]
    return [leaf for member in listed for leaf in members(manager, _name(member))]


def chosen_members(manager: TaskManager, name: str, subsets: list[str] | None) -> list[str]:
    """Return the members of a group that the config names, in the group's order; all without ``subsets``.

    Raises:
        UserError: If a name is none of them.
    """
    leaves = members(manager, name)
    if subsets is None:
        return leaves
    named = {leaf: {leaf, leaf.removeprefix(f"{name}_")} for leaf in leaves}
    for subset in subsets:
        if not any(subset in names for names in named.values()):
            known = ", ".join(leaf.removeprefix(f"{name}_") for leaf in leaves)
            raise UserError(f"{name} has no subset {subset!r}", f"eval.per_task.{name}.subsets", f"choose of {known}")
    return [leaf for leaf, names in named.items() if names & set(subsets)]


def data_of(manager: TaskManager, name: str) -> DataSet:
    """Return what a task and its members read.

    Raises:
        UserError: If that is several data sets.
    """
    read = {_reads(manager.task_index[leaf].cfg) for leaf in members(manager, name)}
    if len({(path, evaluated, shown) for path, _, evaluated, shown in read}) != 1:
        names = ", ".join(sorted({str(path) for path, *_ in read}))
        raise UserError(
            f"{name} reads several data sets ({names})",
            f"data_raw/eval/{name}/",
            "name its tasks singly in eval.tasks, and give each its own folder",
        )
    path, _, evaluated, shown = next(iter(read))
    if not path or not evaluated:
        raise UserError(f"{name} makes its own data", f"data_raw/eval/{name}/", "remove the folder")
    return DataSet(path, tuple(sorted({subset for _, subset, _, _ in read}, key=str)), evaluated, shown)


def _reads(cfg: dict[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    evaluated = cfg.get("test_split") or cfg.get("validation_split")
    shown = cfg.get("fewshot_split") or cfg.get("training_split") or cfg.get("validation_split")
    return cfg.get("dataset_path"), cfg.get("dataset_name"), evaluated, shown


def _small_index(names: list[str]) -> TaskManager | None:
    """Return an index of the folders that are called like the tasks, or None if that is not all they need."""
    folders = {FOLDER / name.split("_")[0].split("-")[0] for name in names}
    if not all(folder.is_dir() for folder in folders):
        return None
    manager = TaskManager(include_defaults=False, include_path=sorted(folders))
    return manager if all(_is_whole(manager, name) for name in names) else None


def _is_whole(manager: TaskManager, name: str) -> bool:
    if name not in manager.task_index:
        return False
    if name not in manager.all_groups:
        return True
    return all(_is_whole(manager, _name(member)) for member in manager.task_index[name].cfg["task"])


def _name(member: str | dict[str, Any]) -> str:
    return member if isinstance(member, str) else member.get("task", member.get("group"))

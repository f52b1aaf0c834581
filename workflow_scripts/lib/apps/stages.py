"""Where the models of finished results lie."""

from pathlib import Path

from workflow_scripts.lib.errors import UserError

STAGES = ("base", "sft", "align", "merged")
_WHOLE = ("base", "merged")  # models of their own; the others are adapters on the base


def folders_of(results: Path, stage: str) -> tuple[Path, Path | None]:
    """Return the folder of a stage's base model and that of its adapter, if it has one.

    Raises:
        UserError: If the stage is not there.
    """
    there = existing(results)
    if stage not in there:
        raise UserError(
            f"there is no model of stage {stage!r}",
            f"{results.name}/models/{stage}",
            f"choose one of: {', '.join(there)}" if there else "run `make report` first",
        )
    models = results / "models"
    return (models / stage, None) if stage in _WHOLE else (models / "base", models / stage)


def existing(results: Path) -> list[str]:
    """Return the stages that are there, in the order in which they are made."""
    settings = {stage: "config.json" if stage in _WHOLE else "adapter_config.json" for stage in STAGES}
    return [stage for stage in STAGES if (results / "models" / stage / settings[stage]).is_file()]


def chosen(results: Path, given: str) -> list[str]:
    """Return the stages that are named, or all but the merged one: that says what the last adapter says."""
    return list(dict.fromkeys(given.split())) or [name for name in existing(results) if name != "merged"] or ["base"]

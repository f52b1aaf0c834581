"""What of a model is published, whether it may be, and the upload."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from huggingface_hub import HfApi, ModelCard, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import validate_repo_id

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export.exposed import exposures
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.outdated import changed_since
from workflow_scripts.lib.provenance.sizes import size

CARD = "README.md"
_SUFFIXES = (".safetensors", ".json", ".jinja", ".md")
_OF_THIS_MACHINE = ("timing.json",)  # how long it took here
_TOLD_OF = ("results/models/", "results/eval/")  # what the figures of a card come from


@dataclass(frozen=True)
class Plan:
    """What goes where.

    Attributes:
        repository: ``<owner>/<name>`` on the hub.
        folder: Of the model.
        files: Names in it.
        endpoint: Address of the hub.
    """

    repository: str
    folder: Path
    files: list[str]
    endpoint: str

    def lines(self) -> list[str]:
        """Return the plan in words."""
        sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        listed = [f"  {name}  {size(sizes[name])}" for name in self.files]
        return [f"{self.folder} → {self.endpoint}/{self.repository}", *listed, f"  {size(sum(sizes.values()))} in all"]


def plan(folder: Path, repository: str, card: dict[str, Any]) -> Plan:
    """Return what is to be uploaded, all of it checked.

    Args:
        folder: Of a model with its card.
        repository: ``<owner>/<name>``.
        card: The data card, for its verdict.

    Raises:
        UserError: If the name is none, there is no model or card, the card tells of another model, a file holds what
            must stay here, or a licence of the data forbids it.
    """
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UserError(str(error).splitlines()[0], "REPO", "write <owner>/<name>") from None
    if "/" not in repository:
        raise UserError(f"{repository!r} has no owner", "REPO", "write <owner>/<name>")
    files = sorted(
        path.name
        for path in folder.glob("*")
        if path.suffix in _SUFFIXES and path.is_file() and path.name not in _OF_THIS_MACHINE
    )
    if not any(name.endswith(".safetensors") for name in files):
        raise UserError("there is no model to publish", str(folder), "run `make report` first")
    if CARD not in files:
        raise UserError("the model has no card", str(folder / CARD), "run `snakemake --cores 1`, which writes it")
    _check_card(folder / CARD)
    _check_card_is_of(folder)
    there = [folder / path.name for path in folder.iterdir() if path.is_file()]
    wrong = list(exposures(there, [get_token() or ""], [Path.home(), Path.cwd(), folder.resolve().parents[2]]))
    if wrong:
        raise UserError("; ".join(wrong), str(folder), "remove what should not be read by others")
    if card["licences"]["publishable"] == "no":
        reasons = [f"{reason['source']}: {reason['en']}" for reason in card["licences"]["reasons"]]
        raise UserError(
            "the licences of the data do not allow it",
            "; ".join(reasons),
            "leave the source out, or set its license if you know it",
        )
    return Plan(repository, folder, files, constants.ENDPOINT)


def upload(wanted: Plan, *, private: bool) -> str:
    """Create the repository if there is none, put all files into one commit, and return its address.

    Raises:
        UserError: If the hub refuses.
    """
    constants.HF_HUB_DISABLE_XET = True  # its storage is the real hub's alone, LFS is what every hub and mirror speaks
    api = HfApi()
    try:
        api.create_repo(wanted.repository, private=private, exist_ok=True)
        return api.upload_folder(
            repo_id=wanted.repository,
            folder_path=wanted.folder,
            allow_patterns=wanted.files,
            commit_message="Publish with Tuiqiao",
        ).commit_url
    except HfHubHTTPError as error:
        status = error.response.status_code
        change = "check the owner, and set HF_TOKEN to a token that may write there"
        raise UserError(f"the hub refuses ({status})", f"{wanted.endpoint}/{wanted.repository}", change) from None
    except (OSError, requests.RequestException) as error:
        raise UserError(
            f"the hub does not answer ({type(error).__name__})", wanted.endpoint, "try again, or set HF_ENDPOINT"
        ) from None


def _check_card(path: Path) -> None:
    """Read the card as the hub does: its front matter, and the results in it."""
    try:
        data = ModelCard.load(path).data.to_dict()
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(
            f"the hub would not read the card: {str(error).splitlines()[0]}", str(path), "correct its front matter"
        ) from None
    missing = [key for key in ("license", "language", "library_name", "pipeline_tag") if not data.get(key)]
    if missing:
        raise UserError(f"the card does not say {', '.join(missing)}", str(path), "add it to its front matter")


def _check_card_is_of(folder: Path) -> None:
    """Compare what is there with what the card was written from: training leaves the card of the last model."""
    model = Path(*folder.parts[-3:])
    with contextlib.chdir(folder.parents[2]):
        changed = changed_since(str(model / CARD), records.read_all(), _TOLD_OF)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise UserError(
            f"the card was written before {changed[0]}{more} became what it is now",
            str(folder / CARD),
            "run `snakemake --cores 1`, which evaluates what is there and writes the card anew",
        )

"""A chain of steps for machines: an RO-Crate of the profile Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process).

It holds no files, only what they are: each is named by its SHA-256, so one file is one entity whatever it is called.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from workflow_scripts.lib.provenance.chain import Link
from workflow_scripts.lib.provenance.records import Record, file_digest

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
CRATE = "ro-crate-metadata.json"
_RECEIPT = "receipt.json"


def write_crate(folder: Path, file: Path, links: list[Link]) -> None:
    """Write ``ro-crate-metadata.json`` of a file and of all that it was made from.

    Args:
        folder: Where it goes; made if it is not there.
        file: The file.
        links: From ``chain``.
    """
    crate = ROCrate()
    crate.name = f"Where {file} comes from"
    crate.description = f"{len(links)} steps, from what was fetched to {file}"
    crate.datePublished = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    crate.license = "see the model or data card beside the files"
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = crate.add(ContextEntity(crate, PROFILE, properties=profile))
    for link in links:
        _add_step(crate, link.record)
    crate.root_dataset["mainEntity"] = _file(crate, str(file), file_digest(file))
    folder.mkdir(parents=True, exist_ok=True)
    crate.metadata.write(folder)


def _add_step(crate: ROCrate, record: Record) -> None:
    name = f"#{quote(record.step)}"
    packages = [
        crate.add(SoftwareApplication(crate, f"#{package}-{version}", {"name": package, "softwareVersion": version}))
        for package, version in sorted(record.pins.items())
    ]
    code = {"name": record.step.split(" ")[0], "version": record.code, "softwareRequirements": packages}
    action = {
        "@type": "CreateAction",
        "name": record.step,
        "description": " ".join(record.command),
        "instrument": crate.add(SoftwareApplication(crate, f"#code-{record.code}", code)),
        "object": [_file(crate, path, digest) for path, digest in sorted(record.inputs.items())],
        "result": [_file(crate, path, digest) for path, digest in sorted(record.outputs.items())],
    }
    if record.config:
        text = json.dumps(record.config, ensure_ascii=False, sort_keys=True)
        setting = {"@type": "PropertyValue", "name": "config", "value": text}
        action["object"].append(crate.add(ContextEntity(crate, f"{name}-config", properties=setting)))
    crate.root_dataset.append_to("mentions", crate.add(ContextEntity(crate, name, properties=action)))


def _file(crate: ROCrate, path: str, digest: str) -> ContextEntity:
    name = f"hash://sha256/{digest}"
    found = crate.dereference(name)
    if found is None:
        found = crate.add(ContextEntity(crate, name, properties={"@type": "File", "name": path, "sha256": digest}))
        crate.root_dataset.append_to("hasPart", found)
        if Path(path).name == _RECEIPT and Path(path).is_file():
            found["isBasedOn"] = json.loads(Path(path).read_text(encoding="utf-8"))["uri"]
    elif path not in found.get("alternateName", []) and path != found["name"]:
        found.append_to("alternateName", path)
    return found

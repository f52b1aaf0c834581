"""Files of public evaluation tasks as the hub and their authors have them; the content is invented."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

LETTERS = "ABCD"
SUBJECTS = ("agronomy", "college_law")


def cmmlu(number: int, subject: str) -> dict[str, Any]:
    choices = {letter: f"{subject}{number}{letter}" for letter in LETTERS}
    return {"Question": f'{subject} 第{number}题，"下列"何者为是？\n', **choices, "Answer": LETTERS[number % 4]}


def ceval(number: int, subject: str) -> dict[str, Any]:
    row = {name.lower() if len(name) > 1 else name: value for name, value in cmmlu(number, subject).items()}
    return {"id": number, **row, "explanation": ""}


def hellaswag(number: int) -> dict[str, Any]:
    return {
        "ind": number,
        "activity_label": "Making tea",
        "ctx_a": f"She fills kettle {number}.",
        "ctx_b": "" if number % 2 else "she",
        "ctx": f"She fills kettle {number}. she",
        "endings": [f"{verb} it [title] done" for verb in ("boils", "eats", "sells", "paints")],
        "source_id": f"activitynet~{number}",
        "split": "val",
        "split_type": "indomain",
        "label": str(number % 4),
    }


def winogrande(number: int) -> dict[str, Any]:
    sentence = f"Cup {number} did not fit the bag because the _ was too {'big' if number % 2 else 'small'}."
    return {"sentence": sentence, "option1": "cup", "option2": "bag", "answer": str(1 + number % 2)}


def gsm8k(number: int) -> dict[str, Any]:
    return {
        "question": f"Ann has {number} boxes of 4 pens. How many pens?",
        "answer": f"{number}*4 = <<{number}*4={4 * number}>>{4 * number} pens.\n#### {4 * number:,}",
    }


def csv_text(rows: list[dict[str, Any]]) -> str:
    """As pandas writes it: with a nameless column of row numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", *rows[0]])
    writer.writerows([number, *row.values()] for number, row in enumerate(rows))
    return text.getvalue()


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        path.write_text(csv_text(rows), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_cmmlu_zip(folder: Path, subjects: tuple[str, ...] = SUBJECTS) -> None:
    """``cmmlu_v1_0_1.zip``: dev/ and test/ with a CSV file a subject."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "cmmlu_v1_0_1.zip", "w") as packed:
        packed.writestr("README.txt", "CC BY-NC 4.0")
        for subject in subjects:
            for split, numbers in (("dev", range(5)), ("test", range(5, 12))):
                packed.writestr(f"{split}/{subject}.csv", csv_text([cmmlu(n, subject) for n in numbers]))


def write_all(folder: Path) -> None:
    """Each of the five in the shape that people have it in, below one folder."""
    write_cmmlu_zip(folder / "cmmlu")
    for subject in ("law", "college_physics"):
        for split, numbers in (("dev", range(5)), ("val", range(5, 11)), ("test", range(11, 13))):
            rows = [ceval(n, subject) | ({"answer": ""} if split == "test" else {}) for n in numbers]
            write(folder / "ceval-valid" / subject / f"{split}-00000-of-00001.parquet", rows)
    write(folder / "hellaswag" / "hellaswag_val.jsonl", [hellaswag(n) for n in range(9)])
    write(folder / "hellaswag" / "hellaswag_train.jsonl", [hellaswag(n) for n in range(20, 26)])
    write(folder / "winogrande" / "winogrande_1.1" / "dev.jsonl", [winogrande(n) for n in range(8)])
    write(folder / "winogrande" / "winogrande_1.1" / "train_xl.jsonl", [winogrande(n) for n in range(30, 36)])
    write(folder / "winogrande" / "winogrande_1.1" / "train_xs.jsonl", [winogrande(n) for n in range(40, 43)])
    for split, numbers in (("train", range(2, 9)), ("test", range(300, 304))):
        write(folder / "gsm8k" / "main" / f"{split}-00000-of-00001.parquet", [gsm8k(n) for n in numbers])
        write(folder / "gsm8k" / "socratic" / f"{split}-00000-of-00001.parquet", [gsm8k(n) for n in range(3)])

"""The cleaning rules as a pipeline of datatrove. Runs in datatrove's own environment: see cleaning.py."""

import argparse
import re
import unicodedata
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

SPACE = re.compile(r"[^\S\n]+")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")


class Normalize(BaseFormatter):
    name = "NFKC and space"

    def format(self, text: str) -> str:
        return SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip()


class Rules(BaseFilter):
    name = "length, Han ratio, repetition"

    def __init__(self, rules: argparse.Namespace, exclusion_writer: JsonlWriter) -> None:
        super().__init__(exclusion_writer)
        self.rules = rules

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        text, rules = doc.text, self.rules
        if not rules.min_chars <= len(text) <= rules.max_chars:
            return False, "length"
        letters = sum(map(str.isalpha, text))
        if letters == 0 or len(HAN.findall(text)) / letters < rules.min_han_ratio:
            return False, "han_ratio"
        total = len(text) - rules.ngram + 1
        distinct = len({text[start : start + rules.ngram] for start in range(total)})
        if total > 0 and 1 - distinct / total > rules.max_repetition:
            return False, "repetition"
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="folder of .jsonl files, one a task")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", type=int, required=True)
    for name in ("min-chars", "max-chars", "ngram"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("min-han-ratio", "max-repetition"):
        parser.add_argument(f"--{name}", type=float, required=True)
    args = parser.parse_args()
    dropped = JsonlWriter(str(args.output / "dropped"), compression=None)
    LocalPipelineExecutor(
        [
            JsonlReader(str(args.input), glob_pattern="*.jsonl"),
            Normalize(),
            Rules(args, dropped),
            JsonlWriter(str(args.output / "kept"), compression=None),
        ],
        tasks=args.tasks,
        workers=args.tasks,
        logging_dir=str(args.output / "logs"),
    ).run()


if __name__ == "__main__":
    main()

"""Rows and files that nobody should have to read, made from a seed, with the number of records that they hold."""

import csv
import gzip
import io
import json
import lzma
import math
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.packing import tar, zipped, zstd

LONG = "长" * 1_000_001  # a character more than a message may have
TURNS = [{"role": "user", "content": "问", "from": "human", "value": "问"}]
TURNS += [{"role": "assistant", "content": "答", "from": "gpt", "value": "答"}]
LISTS = ("conversations", "messages", "history", "answers", "completions", "relevant_articles")
POEM = ["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"]
# The columns of all adapters: a row that has them all fits each of them.
# fmt: off
TEXTS = (
    "CONTEXTS", "LABELS", "LONG_ANSWER", "QUESTION", "answer", "author", "better_response_id", "charge",
    "chosen", "completion", "content", "context", "date", "deleted", "domain", "fact", "final_decision", "goal",
    "human_ref_A", "human_ref_B", "id", "input", "instruction", "is_response_0_safe", "is_response_1_safe",
    "label", "labels", "lang", "long_answer", "message_id", "message_tree_id", "metadata",
    "min_harmlessness_score_transcript", "output", "parent_id", "post_id", "prison_time", "program_lang",
    "prompt", "pubid", "qid", "question", "rank", "rating", "rejected", "response", "response_0",
    "response_0_harm_category", "response_1", "response_1_harm_category", "response_a", "response_b",
    "review_result", "role", "round_0", "safer_response_id", "score_A", "score_B", "score_chosen",
    "score_ratio", "score_rejected", "source", "subject", "system", "tags",
    "task_description_harmlessness_score", "task_descripton_harmlessness_score", "task_name_in_eng",
    "task_type", "text", "textbox_answer", "textbox_answer_analysis", "textbox_q_context",
    "textbox_q_instruction", "textbox_question", "title", "trans_input", "trans_instruction", "trans_output",
    "transcript", "tree_state", "type",
)
# fmt: on

ODD: list[Any] = [None, True, 0, -1, 10**400, 0.5, math.nan, math.inf, 1e308, "", " ", "\n\n\n", "\x00", "文\x00字"]
ODD += [
    "\ud800",
    "好\udfff的",
    "\ufeff好",
    "\u202e反\u202c",
    "\u200b\u2066\u2069",
    "\x1b[31m红",
    "a\r\nb\rc\u2028d\x85e",
]
ODD += [
    "锟斤拷",
    "浣犲ソ",
    "é" * 50,
    "👩‍👩‍👧‍👦" * 9,
    "ﷺ" * 100,
    '"',
    '""',
    '\\"',
    "],[",
    '"},{"',
    "<think>",
    "长" * 5000,
]
ODD += [[], {}, [[]], [None], [[1]], [{}], {"": ""}, {"a": {"b": [None]}}, {"content": "x"}, {"\ud800": 1}]
ODD += [[{"role": odd, "content": odd, "from": odd, "value": odd}] for odd in (None, 1, "", [], {}, "\ud800", "user")]
ODD += [
    {"role": ["a"], "content": ["b"]},
    {"name": ["x"], "value": [1]},
    "[1, 2]",
    '{"a": 1}',
    "\n\nHuman: a\n\nAssistant:",
]


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"content": value}
    return value


def rows(draws: random.Random, count: int) -> list[dict[str, Any]]:
    """Return rows that have all columns, each with some odd values."""
    made = []
    for number in range(count):
        row = {name: f"{name}的第{number}个值" for name in TEXTS} | dict.fromkeys(LISTS, TURNS) | {"paragraphs": POEM}
        odd = ODD[number % len(ODD)] if number % 97 else nested(draws.choice([50, 99, 101, 500, 900]))
        names = draws.sample([*TEXTS, *LISTS], draws.choice([0, 1, 3, 20, 50]))
        row |= dict.fromkeys(names, odd)
        if number % 10 == 3:
            row = {name: value for name, value in row.items() if draws.random() < 0.9}
        if number == 7:
            row["instruction"] = row["prompt"] = LONG
        made.append(row)
    return made


def line(row: Any, number: int = 0) -> bytes:
    """Return a row as JSON, lone surrogates as they are or escaped."""
    return json.dumps(row, ensure_ascii=bool(number % 2)).encode("utf-8", "surrogatepass")


def bad_lines(draws: random.Random) -> list[bytes]:
    good = line(dict.fromkeys(TEXTS, "值"))
    made = [good[: draws.randrange(1, len(good))] for _ in range(20)]  # half-lines
    made += [b"null", b"1", b'"text"', b"[]", b"[{}]", b"NaN", b"{}", b"\x00", b"\x00" * 999, b"\xff\xfe{", b"{'a': 1}"]
    made += [
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"{" + b'"a": 1, ' * 50 + b'"a": 2}',
        b"9" * 5000,
        b"\\",
        b"},{",
        good * 2,
    ]
    made += [good[:-1] + b', "prompt": "other"}', good.replace("值".encode(), b"\xe5\x80"), b"-", b"tru", b'"\\ud800"']
    return made


def json_lines(draws: random.Random, count: int) -> tuple[bytes, int]:
    """Return a file of JSON Lines with BOM, CRLF, blank and bad lines, and how many records it holds."""
    lines = [line(row, number) for number, row in enumerate(rows(draws, count))]
    bad = bad_lines(draws)
    for each in bad:
        lines.insert(draws.randrange(1, len(lines)), each)
    content = b"\xef\xbb\xbf" + b"".join(each + draws.choice([b"\n", b"\r\n", b"\n \t\n"]) for each in lines)
    return content, len(lines)


def json_array(draws: random.Random, count: int) -> tuple[bytes, int]:
    elements = [line(row, number) for number, row in enumerate(rows(draws, count))]
    for broken in (
        b'{"a": oops}',
        b'{"a": [1, 2}',
        b'{"a" 1}',
        b'{"a": 1',
        b"{,}",
        b'{"a": 1, "a": 2}',
    ):
        elements.insert(draws.randrange(1, len(elements)), broken)
    return b"[\n" + b",\n".join(elements) + b"\n]\n", len(elements)


def table(draws: random.Random, count: int, delimiter: str) -> tuple[bytes, int]:
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=delimiter)
    names = [*TEXTS, *LISTS, "paragraphs"]
    writer.writerow(names)
    for row in rows(draws, count):
        writer.writerow([str(row.get(name, "")) for name in names])
    made.write("one field only\r\n" + delimiter * 200 + "\r\n")
    made.write('"a quote that nothing closes' + delimiter * (len(names) - 1) + "\r\n")
    return made.getvalue().encode("utf-8", "surrogatepass"), count + 3


def parquet(draws: random.Random, count: int) -> tuple[bytes, int]:
    made = rows(draws, count)

    def text(value: Any) -> str | None:
        return None if value is None else str(value).encode("utf-8", "replace").decode()

    columns = {name: pa.array([text(row.get(name)) for row in made]) for name in TEXTS}
    columns |= {name: pa.array([TURNS if number % 3 else None for number in range(count)]) for name in LISTS}
    columns["paragraphs"] = pa.array([POEM] * count)
    columns["title"] = pa.array([b"\xff" if number % 5 == 1 else "题".encode() for number in range(count)])
    columns["tags"] = pa.array([math.nan] * count)
    packed = io.BytesIO()
    pq.write_table(pa.table(columns), packed)
    return packed.getvalue(), count


def files(seed: str, count: int) -> dict[str, tuple[bytes, int]]:
    """Return hostile files by name, and how many records each holds, members that are no data among them.

    Args:
        seed: Anything.
        count: Of records in all files, at least.
    """
    draws = random.Random(seed)
    lines, num_lines = json_lines(draws, count * 2 // 5)
    array, num_elements = json_array(draws, count // 5)
    table_rows, num_table_rows = table(draws, count // 10, ",")
    tabbed, num_tabbed = table(draws, count // 10, "\t")
    parquet_rows, num_parquet_rows = parquet(draws, count // 10)
    lists = dict.fromkeys(LISTS, TURNS) | {"paragraphs": POEM}
    chinese = [dict.fromkeys(TEXTS, f"这是一个普通的中文句子，第{number}句。") | lists for number in range(count // 10)]
    gb18030 = b"\n".join(json.dumps(row, ensure_ascii=False).encode("gb18030") for row in chinese)
    talk = "User: 你好\nAssistant: 您好\n---\nUser: \x00\nAssistant: \u202e\n".encode()
    members = {"1.jsonl": b"\n".join(map(line, chinese[:9])), "2.json": json.dumps(chinese[0], indent=1).encode()}
    members |= {"talk.txt": talk, "empty.json": b"", "LICENSE": b"As it is.\n", "cut.json": b'[{"a": 1}, {"a"'}
    members |= {"inner.zip": zipped({}), ".hidden": b"\x00"}
    num_members = len(chinese[:9]) + 1 + 2 + 0 + 1 + 2 + 1 + 0
    return {
        "lines.jsonl": (lines, num_lines),
        "array.json.gz": (gzip.compress(array, 1), num_elements),
        "table.csv.xz": (lzma.compress(table_rows, preset=0), num_table_rows),
        "table.tsv.zst": (zstd(tabbed), num_tabbed),
        "table.parquet": (parquet_rows, num_parquet_rows),
        "gb18030.jsonl": (gb18030, len(chinese)),
        "files.tar.gz": (gzip.compress(tar(members), 1), num_members),
        "files.zip": (zipped(members), num_members),
        "empty.jsonl": (b"", 0),
        "empty.csv.gz": (gzip.compress(b""), 0),
    }

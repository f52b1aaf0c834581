"""The script: files, Modelfile and what was measured; nothing asked for is said so."""

import json
from pathlib import Path

import pytest
import shapes

from workflow_scripts import export_gguf
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError

GENERATION = {"max_new_tokens": 9, "do_sample": False, "temperature": 0.8, "top_p": 0.9}
GENERATION |= {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0}
ROW = {"messages": [{"role": "user", "content": "床前明月光"}, {"role": "assistant", "content": "疑是地上霜"}]}


def test_files_modelfile_and_parity(tmp_path: Path) -> None:
    shapes.build("llama", tmp_path / "merged")
    jsonl.write_rows(tmp_path / "rows.jsonl", [ROW] * 3)
    config = {"gguf": ["q8_0", "f16"], "generation": GENERATION, "system_prompt": "惜字如金"}
    flags = ["--model", str(tmp_path / "merged"), "--rows", str(tmp_path / "rows.jsonl"), "--output", str(tmp_path)]
    flags += ["--modelfile", str(tmp_path / "Modelfile"), "--parity", str(tmp_path / "parity.json")]
    export_gguf.main(["--config", json.dumps(config), *flags])
    assert sorted(path.name for path in tmp_path.glob("*.gguf")) == ["model-f16.gguf", "model-q8_0.gguf"]
    measured = jsonl.read_json(tmp_path / "parity.json")
    assert measured["dialogues"] == 3
    assert 0 < measured["kinds"]["f16"]["mean"] < measured["kinds"]["q8_0"]["mean"]
    assert measured["kinds"]["f16"]["same_top_token"] > 0.9
    told = (tmp_path / "Modelfile").read_text(encoding="utf-8")
    assert told.startswith("FROM ./model-q8_0.gguf\n")
    assert told.endswith('PARAMETER num_predict 9\nSYSTEM """惜字如金"""\n')
    with pytest.raises(UserError, match=r"no file is asked for\n.*export\.gguf\n.*q4_1, as in"):
        export_gguf.main(["--config", json.dumps(config | {"gguf": None}), *flags])

"""What must hold for any model: accumulation, weights, shared prefixes, resume, stopping. Float32, tiny model."""

import json
import os
import signal

import building
import pytest
import tiny
import torch
from building import dialogue, pair
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, set_seed

from workflow_scripts.lib.config.training import Align, Model, Sft
from workflow_scripts.lib.training import checkpoints
from workflow_scripts.lib.training.collate import CHOSEN, PREFIX, REJECTED, PackedCollator, PairCollator, SftCollator
from workflow_scripts.lib.training.log_probs import log_probs_at
from workflow_scripts.lib.training.neftune import noisy_embeddings
from workflow_scripts.lib.training.preference_trainer import pair_log_probs, reference_log_probs, takes_branches
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import encode_pairs, encode_sft_rows
from workflow_scripts.lib.training.run import run

EXACT = 1e-6  # float32 sums taken in another order


@pytest.fixture
def rows(tokenizer):
    texts = ["春", "夏天到了", "秋風起", "冬雪", "山", "高山流水", "明月", "花"]
    sft = Sft.model_validate(tiny.section("sft"))
    return encode_sft_rows(tokenizer, [dialogue(str(i), "写", t) for i, t in enumerate(texts)], sft, None)[0]


@pytest.fixture
def pairs(tokenizer):
    texts = [
        ("春風", "坏"),
        ("夏", "不好"),
        ("秋月明", "差"),
        ("冬", "错了"),
        ("山", "水"),
        ("云", "泥"),
        ("日", "夜晚"),
        ("花", "草"),
    ]
    align = Align.model_validate(tiny.section("align"))
    made = [pair(str(i), "写" * (i + 1), good, bad) for i, (good, bad) in enumerate(texts)]
    return encode_pairs(tokenizer, made, align, None)[0]


def test_accumulated_micro_batches_equal_one_batch(base, tokenizer, rows, tmp_path):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path)
    collate = SftCollator(tokenizer.pad_token_id)
    whole = building.loss_and_gradients(trainer, [collate(rows[:4])])
    parts = building.loss_and_gradients(trainer, [collate([row]) for row in rows[:4]])
    assert parts[0] == pytest.approx(whole[0], rel=EXACT)
    building.assert_same(whole[1], parts[1], EXACT)


@pytest.mark.parametrize("method", ["orpo", "dpo"])
def test_accumulated_pairs_equal_one_batch(base, tokenizer, pairs, tmp_path, method):
    trainer = building.preference_trainer(base, tokenizer, pairs, tmp_path, method=method)
    collate = PairCollator(tokenizer.pad_token_id)
    if method == "dpo":
        pairs = [{**row, "reference_chosen": -20.0, "reference_rejected": -21.0} for row in pairs]
    whole = building.loss_and_gradients(trainer, [collate(pairs[:4])])
    parts = building.loss_and_gradients(trainer, [collate([row]) for row in pairs[:4]])
    assert parts[0] == pytest.approx(whole[0], rel=EXACT)
    building.assert_same(whole[1], parts[1], EXACT)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("flatten", [False, True])
def test_packed_equals_unpacked(base, tokenizer, rows, tmp_path, attention, flatten):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path)
    trainer.model.set_attn_implementation(attention)
    rows = [{**row, "weight": 1 / (number + 1)} for number, row in enumerate(rows)]
    unpacked = building.loss_and_gradients(trainer, [SftCollator(tokenizer.pad_token_id)(rows)])
    collate = PackedCollator(tokenizer.pad_token_id, flatten=flatten)
    packed = building.loss_and_gradients(trainer, [collate([rows[:3], rows[3:4]]), collate([rows[4:]])])
    assert packed[0] == pytest.approx(unpacked[0], rel=EXACT)
    building.assert_same(unpacked[1], packed[1], 1e-5)
    assert torch.equal(*(sum(trainer.count(batch) for batch in batches) for batches in batches_of(rows, collate)))


def batches_of(rows, collate):
    return [SftCollator(0)([row]) for row in rows], [collate([[row]]) for row in rows]


def test_a_packed_row_does_not_see_the_one_before_it(base, tokenizer, rows):
    model = building.with_adapter(base, zero=False).eval()
    collate = PackedCollator(tokenizer.pad_token_id, flatten=False)
    found = []
    for first in (rows[0], rows[1], {**rows[1], "input_ids": rows[1]["input_ids"][::-1]}):
        batch = collate([[first, rows[2]]])
        with torch.no_grad():
            logits = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
        found.append(logits[-len(rows[2]["input_ids"]) :])
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[1], found[2], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("packed", [False, True])
def test_noise_is_bounded_by_the_length_of_each_row(base, tokenizer, rows, packed):
    model = building.with_adapter(base)
    collate = PackedCollator(0, flatten=False) if packed else SftCollator(0)
    batch = collate([[rows[0], rows[1]], [rows[5]]] if packed else [rows[0], rows[1], rows[5]])
    embed = model.get_input_embeddings()
    clean = embed(batch["input_ids"])
    with noisy_embeddings(model.train(), 5.0, batch["length"]):
        noise = (embed(batch["input_ids"]) - clean).abs()
    with noisy_embeddings(model.eval(), 5.0, batch["length"]):
        assert torch.equal(embed(batch["input_ids"]), clean)
    for length in {len(rows[at]["input_ids"]) for at in (0, 1, 5)}:
        bound = 5.0 / (length * clean.shape[-1]) ** 0.5
        assert 0.95 * bound < noise[batch["length"] == length].max() <= bound * (1 + 1e-4)


def test_one_process_uses_one_of_several_cards(base, tokenizer, rows, tmp_path, monkeypatch):
    make = building.arguments.sft_arguments

    def with_four_cards(*args, **kwargs):
        made = make(*args, **kwargs)
        made._n_gpu = 4
        return made

    monkeypatch.setattr(building.arguments, "sft_arguments", with_four_cards)
    assert building.sft_trainer(base, tokenizer, rows, tmp_path).args.n_gpu == 1


def test_weight_two_is_the_row_twice(base, tokenizer, rows, tmp_path):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path)
    collate = SftCollator(tokenizer.pad_token_id)
    weighted = building.loss_and_gradients(trainer, [collate([{**rows[0], "weight": 2.0}, rows[1]])])
    twice = building.loss_and_gradients(trainer, [collate([rows[0], rows[0], rows[1]])])
    assert weighted[0] == pytest.approx(twice[0], rel=EXACT)
    building.assert_same(weighted[1], twice[1], EXACT)


def test_shared_prefix_equals_two_separate_dialogues(base, tokenizer, pairs):
    model = building.with_adapter(base, zero=False).eval()
    batch = PairCollator(tokenizer.pad_token_id)(pairs)
    branch = batch["branch"]
    with torch.no_grad():
        wanted = branch > PREFIX
        packed = torch.zeros(branch.shape).masked_scatter(wanted, pair_log_probs(model, batch, wanted))
        for side, name in ((CHOSEN, "chosen"), (REJECTED, "rejected")):
            for index, row in enumerate(pairs):
                ids = torch.tensor([row["prefix"] + row[name]])
                log_probs = model(input_ids=ids).logits[0].log_softmax(-1)
                start = len(row["prefix"])
                alone = sum(log_probs[i - 1, ids[0, i]].item() for i in range(start, ids.shape[1]))
                together = packed[index][branch[index] == side].sum().item()
                assert together == pytest.approx(alone, rel=1e-5)


WINDOW = {"sliding_window": 4, "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4}
WINDOW |= {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
MIXED = {"layer_types": ["sliding_attention", "full_attention"] * 2}
WINDOWED = {
    "mixed": lambda: Qwen2ForCausalLM(Qwen2Config(**WINDOW, **MIXED, use_sliding_window=True)),
    "everywhere": lambda: MistralForCausalLM(MistralConfig(**WINDOW)),
}


@pytest.mark.parametrize("kind", WINDOWED)
def test_a_shared_prefix_keeps_the_window_of_layers_that_have_one(pairs, kind):
    set_seed(0)
    model = WINDOWED[kind]().eval()
    row = pairs[2]
    batch = PairCollator(0)([row])
    wanted = batch["branch"] == REJECTED
    ids = torch.tensor([row["prefix"] + row["rejected"]])
    assert ids.shape[1] > 4 * len(MIXED["layer_types"])  # beyond what windows of all layers reach together
    with torch.no_grad():
        log_probs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        alone = log_probs.gather(1, ids[0, 1:, None])[-len(row["rejected"]) :, 0]
        torch.testing.assert_close(pair_log_probs(model, batch, wanted), alone, rtol=1e-5, atol=1e-5)


def test_masked_projection_equals_full_logits(base, tokenizer, rows):
    model = building.with_adapter(base, zero=False).eval()
    batch = SftCollator(tokenizer.pad_token_id)(rows)
    wanted = batch["labels"] != -100
    predictor = (torch.arange(wanted.shape[1]) - 1).expand_as(wanted)
    inputs = {"attention_mask": batch["attention_mask"]}
    with torch.no_grad():
        found = log_probs_at(model, predictor, wanted, batch["input_ids"], **inputs)
        full = model(input_ids=batch["input_ids"], **inputs).logits.log_softmax(-1)
    expected = full[:, :-1].gather(-1, batch["input_ids"][:, 1:, None])[..., 0][wanted[:, 1:]]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_prompt_tokens_have_no_gradient(base, tokenizer, rows, tmp_path):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path)
    model = trainer.model
    seen = {}

    def watch(module, given):
        seen["hidden"] = given[0]
        seen["hidden"].retain_grad()

    handle = model.get_base_model().get_output_embeddings().register_forward_pre_hook(watch)
    batch = SftCollator(tokenizer.pad_token_id)(rows[:1])
    trainer.compute_loss(model, batch).backward()
    handle.remove()
    learned = (batch["labels"][0] != -100).nonzero()[:, 0]
    moved = seen["hidden"].grad[0].abs().sum(dim=-1).nonzero()[:, 0]
    assert moved.tolist() == (learned - 1).tolist()  # each learned token is predicted one position earlier


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ({}, {"lora__use_dora": True}),
        ({}, {"lora__use_rslora": True}),
        ({}, {"lora__target_modules": "all-linear"}),
        ({}, {"gradient_checkpointing": True}),
        ({"quantization": "nf4"}, {}),
        ({"quantization": "fp4"}, {}),
        ({"quantization": "int8"}, {}),
        ({"dtype": "bfloat16"}, {}),
        ({"dtype": "bfloat16", "quantization": "nf4"}, {"optimizer": "adamw_8bit"}),
    ],
    ids=str,
)
def test_each_way_to_adapt_a_model_learns_and_a_validation_leaves_no_trace(
    base, tokenizer, rows, tmp_path, model, options
):
    config = Model.model_validate(tiny.section("model", **model))
    given = {"config": config, "warmup_ratio": 0.0, "max_steps": 3, "scheduler": "constant", **options}
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path, **given)
    batch = [trainer.heaviest_batch()]
    loss, gradients = building.loss_and_gradients(trainer, batch)
    trainer.evaluate()
    again = building.loss_and_gradients(trainer, batch)
    assert again[0] == loss
    building.assert_same(again[1], gradients, 0.0)
    figures = run(trainer, tmp_path, evaluations=1)
    assert all(step["grad_norm"] > 0 for step in figures["loss"])
    assert building.loss_and_gradients(trainer, batch)[0] < loss
    if "gradient_checkpointing" in options:
        plain = building.sft_trainer(base, tokenizer, rows, tmp_path, config=config)
        building.assert_same(building.loss_and_gradients(plain, batch)[1], gradients, EXACT)


def test_a_ratio_of_one_warms_up_over_all_steps(base, tokenizer, rows, tmp_path):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path, max_steps=4, warmup_ratio=1.0)
    rates = [step["learning_rate"] for step in run(trainer, tmp_path, evaluations=0)["loss"]]
    assert rates == pytest.approx([0.0, 0.0025, 0.005, 0.0075])


def test_a_step_knows_its_epoch(base, tokenizer, rows, tmp_path):
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path, max_steps=3)  # two steps an epoch
    assert [step["epoch"] for step in run(trainer, tmp_path, evaluations=0)["loss"]] == [0.5, 1.0, 1.5]


def test_swapping_chosen_and_rejected_flips_the_margin(base, tokenizer, pairs, tmp_path):
    trainer = building.preference_trainer(base, tokenizer, pairs, tmp_path, method="dpo", reference_free=True)
    collate = PairCollator(tokenizer.pad_token_id)
    swapped = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in pairs]
    with torch.no_grad():
        margin, other = (trainer.sums(trainer.model, collate(side))["margin"].item() for side in (pairs, swapped))
    assert margin == pytest.approx(-other, rel=1e-5)
    assert abs(margin) > 1e-3


def test_dpo_starts_at_log_two_and_leaves_its_reference_alone(base, tokenizer, pairs, tmp_path):
    trainer = building.preference_trainer(base, tokenizer, pairs, tmp_path, method="dpo")
    collate = PairCollator(tokenizer.pad_token_id)
    referenced = add_reference(trainer.model, pairs, collate, batch_size=4)
    trainer.train_dataset = trainer.eval_dataset = trainer.train_dataset.from_list(referenced)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(0.693147, abs=1e-5)
    trainer.train()
    figures = trainer.evaluate()
    assert figures["eval_loss"] < 0.6
    assert figures["eval_reward_accuracy"] == 1.0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_reference_is_computed_as_the_policy_is(base, tokenizer, pairs, tmp_path, dtype):
    config = Model.model_validate(tiny.section("model", dtype=dtype))
    collate = PairCollator(tokenizer.pad_token_id)
    trainer = building.preference_trainer(base, tokenizer, pairs, tmp_path, config=config, method="dpo")
    referenced = add_reference(trainer.model, pairs, collate, batch_size=4)
    found = reference_log_probs(trainer.model, [collate(pairs[:4])], trainer.args.device)
    batch = collate(referenced[:4])
    with trainer.accelerator.autocast():  # as in a prepared model
        sums = trainer.sums(trainer.model, batch)
    assert sums["margin"].item() == 0.0
    assert batch["reference_chosen"].tolist() == pytest.approx([chosen for chosen, _ in found], abs=0)


def test_pairs_are_never_given_to_kernels_that_take_no_mask():
    models = [Model.model_validate(tiny.section("model", attention=name)) for name in ("flash_attention_2", "eager")]
    assert [takes_branches(model).attention for model in models] == ["sdpa", "eager"]


ALL_ON = {"packing": True, "sampler__order": "mixed_buckets", "sampler__buckets": 2, "neftune_noise_alpha": 5.0}
ALL_ON |= {"lora__dropout": 0.1}


@pytest.mark.parametrize("kind", ["sft", "orpo", "all on"])
def test_interrupted_and_resumed_equals_uninterrupted(base, tokenizer, rows, pairs, tmp_path, kind):
    def make(folder):
        folder.mkdir(exist_ok=True)
        if kind == "sft":
            return building.sft_trainer(
                base, tokenizer, rows, folder, max_steps=6, lora__dropout=0.1, neftune_noise_alpha=5.0
            )
        if kind == "all on":  # 8 rows: step 3, where it goes on, is in the second epoch
            return building.sft_trainer(base, tokenizer, rows, folder, max_steps=6, curriculum="none", **ALL_ON)
        return building.preference_trainer(base, tokenizer, pairs, folder, max_steps=6)

    whole = make(tmp_path / "whole")
    expected = run(whole, tmp_path / "whole", evaluations=3)

    class KilledError(Exception):
        pass

    cut = make(tmp_path / "cut")
    step = cut.training_step

    def dying(*args, **kwargs):
        if cut.state.global_step == 3:
            raise KilledError
        return step(*args, **kwargs)

    cut.training_step = dying
    with pytest.raises(KilledError):
        run(cut, tmp_path / "cut", evaluations=3)
    again = make(tmp_path / "cut")
    assert checkpoints.last(tmp_path / "cut").endswith("checkpoint-2")
    found = run(again, tmp_path / "cut", evaluations=3)
    assert json.dumps(found) == json.dumps(expected)  # the order of keys too: metrics.json is compared by its bytes
    for name, value in building.weights(whole.model).items():
        assert torch.equal(value, building.weights(again.model)[name]), name


@pytest.mark.parametrize("kind", ["all on", "orpo"])
def test_sigterm_saves_a_checkpoint_of_any_step_and_the_resumed_run_is_the_same(
    base, tokenizer, rows, pairs, tmp_path, kind
):
    def make(folder):
        folder.mkdir(exist_ok=True)
        if kind == "all on":
            trainer = building.sft_trainer(base, tokenizer, rows, folder, max_steps=6, curriculum="none", **ALL_ON)
        else:
            trainer = building.preference_trainer(base, tokenizer, pairs, folder, max_steps=6)
        trainer.args.logging_steps = 2
        return trainer

    whole = make(tmp_path / "whole")
    expected = run(whole, tmp_path / "whole", evaluations=3)
    cut = make(tmp_path / "cut")
    cut.args.save_steps = 100
    step = cut.training_step

    def told_to_stop(*args, **kwargs):
        if cut.state.global_step == 2:  # during the third step, between two log lines
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*args, **kwargs)

    cut.training_step = told_to_stop
    with pytest.raises(SystemExit) as stop:
        run(cut, tmp_path / "cut", evaluations=3)
    assert stop.value.code == 143
    assert checkpoints.last(tmp_path / "cut").endswith("checkpoint-3")
    again = make(tmp_path / "cut")
    assert run(again, tmp_path / "cut", evaluations=3) == expected
    for name, value in building.weights(whole.model).items():
        assert torch.equal(value, building.weights(again.model)[name]), name


@pytest.mark.parametrize("evaluations", [0, 3])
def test_a_run_killed_after_its_last_step_ends_the_same(base, tokenizer, rows, tmp_path, evaluations):
    def make():
        return building.sft_trainer(base, tokenizer, rows, tmp_path, max_steps=6, scheduler="constant")

    whole = make()
    expected = run(whole, tmp_path, evaluations)
    assert checkpoints.last(tmp_path).endswith("checkpoint-6")
    again = make()
    assert json.dumps(run(again, tmp_path, evaluations)) == json.dumps(expected)
    for name, value in building.weights(whole.model).items():
        assert torch.equal(value, building.weights(again.model)[name]), name


def test_incomplete_checkpoint_is_not_resumed_from(tmp_path):
    for step, state in ((2, "{}"), (4, None), (6, '{"global_st')):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert checkpoints.last(tmp_path).endswith("checkpoint-2")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


def test_a_memorizable_set_is_memorized_and_generation_stops_by_itself(base, tokenizer, tmp_path):
    sft = Sft.model_validate(tiny.section("sft"))
    made = [dialogue("a", "aaaa", "春風"), dialogue("b", "zz", "秋月")]
    rows, _ = encode_sft_rows(tokenizer, made, sft, None)
    trainer = building.sft_trainer(
        base, tokenizer, rows, tmp_path, max_steps=150, learning_rate=0.03, global_batch_size=2, micro_batch_size=2
    )
    run(trainer, tmp_path, evaluations=0)
    assert trainer.evaluate()["eval_loss"] < 0.3  # the frozen random head allows no better
    model = trainer.model.eval()
    for row in made:
        prompt = tokenizer.apply_chat_template(row["messages"][:1], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        out = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :]
        assert tokenizer.decode(out) == row["messages"][1]["content"] + "<|im_end|>"

# The base model, its two trained stages, and the merge of the last one.


rule prepare_base:
    input:
        source=PLAN.base_files(),
        receipt=PLAN.base_receipt(),
        template=[repository(PLAN.config.model.chat_template)] if PLAN.config.model.chat_template else [],
    output:
        manifest="results/models/base/manifest.json",
        config="results/models/base/config.json",
        tokenizer="results/models/base/tokenizer.json",
    log:
        "results/logs/prepare_base.log",
    benchmark:
        "results/benchmarks/prepare_base.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(base="model.base"),
        code=code_digest("prepare_base"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "prepare_base {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder results/models/base --store results/store -- \
            python -m workflow_scripts.prepare_base \
            --config {params.config:q} \
            --source {input.source:q} \
            --receipt {input.receipt:q} \
            --chat-template {input.template:q} \
            --output results/models/base \
            2>&1 | tee {log:q}
        """


rule prepare_judge:
    input:
        source=PLAN.judge_files(),
        receipt=PLAN.judge_receipt(),
    output:
        manifest="results/models/judge/manifest.json",
        config="results/models/judge/config.json",
        tokenizer="results/models/judge/tokenizer.json",
    log:
        "results/logs/prepare_judge.log",
    benchmark:
        "results/benchmarks/prepare_judge.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.section(base="eval.safety.judge.base"),
        code=code_digest("prepare_judge"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "prepare_judge {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder results/models/judge --store results/store -- \
            python -m workflow_scripts.prepare_judge \
            --config {params.config:q} \
            --source {input.source:q} \
            --receipt {input.receipt:q} \
            --chat-template \
            --output results/models/judge \
            2>&1 | tee {log:q}
        """


rule train_sft:
    input:
        train=learned_by_sft("train"),
        validation=learned_by_sft("val"),
        known=known("sft") if PLAN.samples else [],
        manifest=ancient("results/data/sft/split.json"),
        base=rules.prepare_base.output,
    output:
        weights="results/models/sft/adapter_model.safetensors",
        config="results/models/sft/adapter_config.json",
        tokenizer="results/models/sft/tokenizer.json",
        metrics="results/models/sft/metrics.json",
        timing="results/models/sft/timing.json",
    log:
        "results/logs/train_sft.log",
    benchmark:
        "results/benchmarks/train_sft.tsv"
    conda:
        PLAN.sft_environment
    threads: ALL_THREADS
    resources:
        gpu=ALL_CARDS,
    params:
        config=section(seed="seed", model="model", sft="sft", curriculum="mix.sft.curriculum"),
        code=code_digest("train_sft", PLAN.backend_module),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "train_sft {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder results/models/sft --store results/store -- \
            accelerate launch -m workflow_scripts.train_sft \
            --config {params.config:q} \
            --code {params.code} \
            --train {input.train:q} \
            --validation {input.validation:q} \
            --base results/models/base \
            --checkpoints results/checkpoints/sft \
            --tracking results/logs/tracking/sft \
            --output results/models/sft \
            2>&1 | tee {log:q}
        """


rule train_align:
    input:
        train=split_of("preference", split="train"),
        sampled=["results/sampling/pairs.jsonl"] if PLAN.samples_pairs else [],
        validation=split_of("preference", split="val"),
        manifest=ancient("results/data/preference/split.json"),
        known=known("sft"),
        base=rules.prepare_base.output,
        adapter=[rules.train_sft.output.weights, rules.train_sft.output.config],
    output:
        weights="results/models/align/adapter_model.safetensors",
        config="results/models/align/adapter_config.json",
        tokenizer="results/models/align/tokenizer.json",
        metrics="results/models/align/metrics.json",
        timing="results/models/align/timing.json",
    log:
        "results/logs/train_align.log",
    benchmark:
        "results/benchmarks/train_align.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=ALL_CARDS,
    params:
        config=section(seed="seed", model="model", align="align", curriculum="mix.preference.curriculum"),
        code=code_digest("train_align", *PLAN.loss_modules),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "train_align {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder results/models/align --store results/store -- \
            accelerate launch -m workflow_scripts.train_align \
            --config {params.config:q} \
            --code {params.code} \
            --train {input.train:q} {input.sampled:q} \
            --validation {input.validation:q} \
            --base results/models/base \
            --adapter results/models/sft \
            --checkpoints results/checkpoints/align \
            --tracking results/logs/tracking/align \
            --output results/models/align \
            2>&1 | tee {log:q}
        """


rule merge_adapter:
    input:
        known=known(*PLAN.uses),
        rows=split_of("sft", split=PLAN.held_out),
        base=rules.prepare_base.output,
        adapter=f"results/models/{PLAN.last_stage}/adapter_model.safetensors",
    output:
        weights=f"results/models/merged/{PLAN.merged_weights}",
        config="results/models/merged/config.json",
        tokenizer="results/models/merged/tokenizer.json",
        parity="results/models/merged/parity.json",
    log:
        "results/logs/merge_adapter.log",
    benchmark:
        "results/benchmarks/merge_adapter.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=section(merged="export.merged", system_prompt="model.system_prompt"),
        code=code_digest("merge_adapter"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "merge_adapter {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder results/models/merged --store results/store -- \
            python -m workflow_scripts.merge_adapter \
            --config {params.config:q} \
            --base results/models/base \
            --adapter "$(dirname {input.adapter:q})" \
            --rows {input.rows:q} \
            --output results/models/merged \
            --parity {output.parity:q} \
            2>&1 | tee {log:q}
        """


rule export_gguf:
    input:
        known=known(*PLAN.uses),
        rows=split_of("sft", split=PLAN.held_out),
        model=[rules.merge_adapter.output.weights, rules.merge_adapter.output.config],
        tokenizer=rules.merge_adapter.output.tokenizer,
    output:
        files=expand("results/models/gguf/model-{kind}.gguf", kind=PLAN.config.export.gguf or []),
        modelfile="results/models/gguf/Modelfile",
        parity="results/models/gguf/parity.json",
    log:
        "results/logs/export_gguf.log",
    benchmark:
        "results/benchmarks/export_gguf.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=section(gguf="export.gguf", generation="generation", system_prompt="model.system_prompt"),
        code=code_digest("export_gguf"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "export_gguf {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.export_gguf \
            --config {params.config:q} \
            --model results/models/merged \
            --rows {input.rows:q} \
            --output results/models/gguf \
            --modelfile {output.modelfile:q} \
            --parity {output.parity:q} \
            2>&1 | tee {log:q}
        """

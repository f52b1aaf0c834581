# Rejection sampling: the base model replies to SFT's prompts, and SFT learns the right replies. Only where
# sampling.enabled says so does anything ask for these files.


rule sample_replies:
    input:
        train=split_of("sft", split="train"),
        validation=split_of("sft", split="val"),
        manifest=ancient("results/data/sft/split.json"),
        base=expand("results/models/base/{name}.json", name=["manifest", "config", "tokenizer"]),
    output:
        replies="results/sampling/replies.jsonl",
    log:
        "results/logs/sample_replies.log",
    benchmark:
        "results/benchmarks/sample_replies.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.drawing(),
        code=code_digest("sample_replies", PLAN.engine_module),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "sample_replies {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.sample_replies \
            --config {params.config:q} \
            --code {params.code} \
            --train {input.train:q} \
            --validation {input.validation:q} \
            --base results/models/base \
            --checkpoints results/checkpoints/sampling \
            --replies {output.replies:q} \
            2>&1 | tee {log:q}
        """


rule verify_replies:
    input:
        train=split_of("sft", split="train"),
        validation=split_of("sft", split="val"),
        replies=rules.sample_replies.output.replies,
    output:
        sampled="results/sampling/sampled.jsonl",
        stats="results/sampling/stats.json",
        learned="results/sampling/learned.jsonl",
        validated="results/sampling/validated.jsonl",
        pairs="results/sampling/pairs.jsonl",
        drops="results/sampling/drops.jsonl",
    log:
        "results/logs/verify_replies.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.judging(),
        code=code_digest("verify_replies", PLAN.verifier_module),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "verify_replies {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.verify_replies \
            --config {params.config:q} \
            --train {input.train:q} \
            --validation {input.validation:q} \
            --replies {input.replies:q} \
            --sampled {output.sampled:q} \
            --stats {output.stats:q} \
            --learned {output.learned:q} \
            --validated {output.validated:q} \
            --pairs {output.pairs:q} \
            --drops {output.drops:q} \
            2>&1 | tee {log:q}
        """

# Sources that `execution.shards` divides: the costly steps on each shard, which the rules of data.smk put together.

SHARD = "results/data/shards/{source}/{shards}/{shard}"


rule divide_source:
    input:
        raw=rules.standardize.input.raw,
    output:
        plan="results/data/shards/{source}/{shards}/plan.json",
    log:
        "results/logs/shards/{source}/{shards}/divide_source.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.dividing(wildcards.source),
        code=lambda wildcards: code_digest("divide_source", PLAN.adapter_module(wildcards.source)),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "divide_source {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.divide_source \
            --config {params.config:q} \
            --source {wildcards.source} \
            --raw {input.raw:q} \
            --count {wildcards.shards} \
            --plan {output.plan:q} \
            2>&1 | tee {log:q}
        """


rule standardize_shard:
    input:
        plan=rules.divide_source.output.plan,
    output:
        rows=f"{SHARD}.jsonl",
        drops=f"{SHARD}.drops.jsonl",
        sums=f"{SHARD}.json",
    log:
        "results/logs/shards/{source}/{shards}/standardize_shard.{shard}.log",
    benchmark:
        "results/benchmarks/shards/{source}/{shards}/standardize_shard.{shard}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.source_section(wildcards.source),
        code=lambda wildcards: code_digest("standardize_shard", PLAN.adapter_module(wildcards.source)),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "standardize_shard {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.standardize_shard \
            --config {params.config:q} \
            --source {wildcards.source} \
            --plan {input.plan:q} \
            --number {wildcards.shard} \
            --rows {output.rows:q} \
            --drops {output.drops:q} \
            --sums {output.sums:q} \
            2>&1 | tee {log:q}
        """


use rule measure_rows as measure_shard with:
    input:
        rows=rules.standardize_shard.output.rows,
        blocklists=lambda wildcards: PLAN.blocklists(wildcards.source),
        parts=[],
    output:
        measures=f"{SHARD}.measures.parquet",
    log:
        "results/logs/shards/{source}/{shards}/measure_shard.{shard}.log",
    benchmark:
        "results/benchmarks/shards/{source}/{shards}/measure_shard.{shard}.tsv"


use rule count_tokens as count_shard with:
    input:
        rows=rules.standardize_shard.output.rows,
        measures=rules.measure_shard.output.measures,
        tokenizer="results/models/base/tokenizer.json",
        parts=[],
    output:
        tokens=f"{SHARD}.tokens.parquet",
    log:
        "results/logs/shards/{source}/{shards}/count_shard.{shard}.log",
    benchmark:
        "results/benchmarks/shards/{source}/{shards}/count_shard.{shard}.tsv"


use rule sketch_rows as sketch_shard with:
    input:
        rows=rules.standardize_shard.output.rows,
        parts=[],
    output:
        sketches=f"{SHARD}.sketches.parquet",
    log:
        "results/logs/shards/{source}/{shards}/sketch_shard.{shard}.log",
    benchmark:
        "results/benchmarks/shards/{source}/{shards}/sketch_shard.{shard}.tsv"


use rule find_contamination as compare_shard with:
    input:
        rows=rules.standardize_shard.output.rows,
        evaluation_rows=rules.find_contamination.input.evaluation_rows,
        evaluation_files=rules.find_contamination.input.evaluation_files,
        parts=[],
    output:
        overlaps=f"{SHARD}.overlaps.parquet",
    log:
        "results/logs/shards/{source}/{shards}/compare_shard.{shard}.log",
    benchmark:
        "results/benchmarks/shards/{source}/{shards}/compare_shard.{shard}.tsv"

# From URI to split files: acquire -> standardize -> measure -> clean -> mix -> split -> data card.


rule write_config:
    output:
        "results/config.yaml",
    log:
        "results/logs/write_config.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.annotated(),
        code=code_digest("write_config"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "write_config {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.write_config \
            --config {params.config:q} \
            --output {output:q} \
            2>&1 | tee {log:q}
        """


rule acquire:
    output:
        receipt=update(RECEIPT),  # runs in other folders may be reading it: never away, not even for a moment
    log:
        "results/logs/acquire/{key}.log",
    retries: 1
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.fetch_section(wildcards.key),
        code=lambda wildcards: code_digest("acquire", *PLAN.scheme_modules(wildcards.key)),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "acquire {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} -- \
            python -m workflow_scripts.acquire \
            --config {params.config:q} \
            --receipt {output.receipt:q} \
            2>&1 | tee {log:q}
        """


rule standardize:
    input:
        raw=lambda wildcards: PLAN.raw_files(wildcards.source) or PLAN.receipt_of(wildcards.source),
        part_rows=lambda wildcards: PLAN.parts(wildcards.source, "jsonl"),
        part_drops=lambda wildcards: PLAN.parts(wildcards.source, "drops.jsonl"),
        part_sums=lambda wildcards: PLAN.parts(wildcards.source, "json"),
    output:
        rows="results/data/standard/{source}.jsonl",
        drops="results/data/standard/{source}.drops.jsonl",
        sums="results/data/standard/{source}.json",
    log:
        "results/logs/standardize/{source}.log",
    benchmark:
        "results/benchmarks/standardize/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.source_section(wildcards.source),
        code=lambda wildcards: code_digest("standardize", PLAN.adapter_module(wildcards.source), *SHARDING),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "standardize {wildcards}" --code {params.code} \
            --inputs {input:q} --parts {input.part_rows:q} {input.part_drops:q} {input.part_sums:q} \
            --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.standardize \
            --config {params.config:q} \
            --source {wildcards.source} \
            --raw {input.raw:q} \
            --part-rows {input.part_rows:q} \
            --part-drops {input.part_drops:q} \
            --part-sums {input.part_sums:q} \
            --rows {output.rows:q} \
            --drops {output.drops:q} \
            --sums {output.sums:q} \
            2>&1 | tee {log:q}
        """


rule measure_rows:
    input:
        rows=rules.standardize.output.rows,
        blocklists=lambda wildcards: PLAN.blocklists(wildcards.source),
        parts=lambda wildcards: PLAN.parts(wildcards.source, "measures.parquet"),
    output:
        measures="results/data/measured/{source}.parquet",
    log:
        "results/logs/measure_rows/{source}.log",
    benchmark:
        "results/benchmarks/measure_rows/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.measuring(wildcards.source),
        code=code_digest("measure_rows"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "measure_rows {wildcards}" --code {params.code} \
            --inputs {input:q} --parts {input.parts:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.measure_rows \
            --config {params.config:q} \
            --rows {input.rows:q} \
            --blocklists {input.blocklists:q} \
            --parts {input.parts:q} \
            --measures {output.measures:q} \
            2>&1 | tee {log:q}
        """


rule count_tokens:
    input:
        rows=rules.standardize.output.rows,
        measures=rules.measure_rows.output.measures,
        tokenizer="results/models/base/tokenizer.json",
        parts=lambda wildcards: PLAN.parts(wildcards.source, "tokens.parquet"),
    output:
        tokens="results/data/measured/{source}.tokens.parquet",
    log:
        "results/logs/count_tokens/{source}.log",
    benchmark:
        "results/benchmarks/count_tokens/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.token_limits(wildcards.source),
        code=code_digest("count_tokens"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "count_tokens {wildcards}" --code {params.code} \
            --inputs {input:q} --parts {input.parts:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.count_tokens \
            --config {params.config:q} \
            --rows {input.rows:q} \
            --measures {input.measures:q} \
            --tokenizer {input.tokenizer:q} \
            --parts {input.parts:q} \
            --tokens {output.tokens:q} \
            2>&1 | tee {log:q}
        """


rule clean_rows:
    input:
        rows=rules.standardize.output.rows,
        measures=rules.measure_rows.output.measures,
        tokens=rules.count_tokens.output.tokens,
    output:
        kept="results/data/clean/{source}.jsonl",
        drops="results/data/clean/{source}.drops.jsonl",
        sums="results/data/clean/{source}.json",
    log:
        "results/logs/clean_rows/{source}.log",
    benchmark:
        "results/benchmarks/clean_rows/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.bounds(wildcards.source),
        code=code_digest("clean_rows"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "clean_rows {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.clean_rows \
            --config {params.config:q} \
            --rows {input.rows:q} \
            --measures {input.measures:q} \
            --tokens {input.tokens:q} \
            --kept {output.kept:q} \
            --drops {output.drops:q} \
            --sums {output.sums:q} \
            2>&1 | tee {log:q}
        """


rule sketch_rows:
    input:
        rows=rules.standardize.output.rows,
        parts=lambda wildcards: PLAN.parts(wildcards.source, "sketches.parquet"),
    output:
        sketches="results/data/sketched/{source}.parquet",
    log:
        "results/logs/sketch_rows/{source}.log",
    benchmark:
        "results/benchmarks/sketch_rows/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.sketching(),
        code=code_digest("sketch_rows"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "sketch_rows {wildcards}" --code {params.code} \
            --inputs {input:q} --parts {input.parts:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.sketch_rows \
            --config {params.config:q} \
            --rows {input.rows:q} \
            --parts {input.parts:q} \
            --sketches {output.sketches:q} \
            2>&1 | tee {log:q}
        """


rule link_rows:
    input:
        sketches=expand(rules.sketch_rows.output.sketches, source=PLAN.linked_sources),
    output:
        links=expand("results/data/linked/{source}.parquet", source=PLAN.linked_sources),
    log:
        "results/logs/link_rows.log",
    benchmark:
        "results/benchmarks/link_rows.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.linking(),
        code=code_digest("link_rows"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "link_rows {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.link_rows \
            --config {params.config:q} \
            --sketches {input.sketches:q} \
            --links {output.links:q} \
            2>&1 | tee {log:q}
        """


rule find_contamination:
    input:
        rows=rules.standardize.output.rows,
        evaluation_rows=expand(rules.standardize.output.rows, source=PLAN.evaluation_sources()),
        evaluation_files=PLAN.evaluation_files(),
        parts=lambda wildcards: PLAN.parts(wildcards.source, "overlaps.parquet"),
    output:
        overlaps="results/data/contamination/{source}.parquet",
    log:
        "results/logs/find_contamination/{source}.log",
    benchmark:
        "results/benchmarks/find_contamination/{source}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(ngram="clean.decontaminate.ngram"),
        code=code_digest("find_contamination"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "find_contamination {wildcards}" --code {params.code} \
            --inputs {input:q} --parts {input.parts:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.find_contamination \
            --config {params.config:q} \
            --rows {input.rows:q} \
            --evaluation-rows {input.evaluation_rows:q} \
            --evaluation-files {input.evaluation_files:q} \
            --parts {input.parts:q} \
            --overlaps {output.overlaps:q} \
            2>&1 | tee {log:q}
        """


rule mix_sources:
    input:
        kept=lambda wildcards: expand(rules.clean_rows.output.kept, source=PLAN.of_use(wildcards.use)),
        links=lambda wildcards: expand("results/data/linked/{source}.parquet", source=PLAN.of_use(wildcards.use)),
        overlaps=lambda wildcards: expand(
            rules.find_contamination.output.overlaps, source=PLAN.of_use(wildcards.use) if PLAN.decontaminates else []
        ),
    output:
        mixed="results/data/{use}/mixed.jsonl",
        drops="results/data/{use}/drops.jsonl",
        summary="results/data/{use}/mixed.json",
    log:
        "results/logs/mix_sources/{use}.log",
    benchmark:
        "results/benchmarks/mix_sources/{use}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.mixing(wildcards.use),
        code=code_digest("mix_sources"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "mix_sources {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.mix_sources \
            --config {params.config:q} \
            --kept {input.kept:q} \
            --links {input.links:q} \
            --overlaps {input.overlaps:q} \
            --mixed {output.mixed:q} \
            --drops {output.drops:q} \
            --summary {output.summary:q} \
            2>&1 | tee {log:q}
        """


checkpoint split_groups:
    input:
        mixed=rules.mix_sources.output.mixed,
    output:
        train="results/data/{use}/train.jsonl",
        val="results/data/{use}/val.jsonl",
        test="results/data/{use}/test.jsonl",
        manifest="results/data/{use}/split.json",
    log:
        "results/logs/split_groups/{use}.log",
    benchmark:
        "results/benchmarks/split_groups/{use}.tsv"
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(split="split"),
        code=code_digest("split_groups"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "split_groups {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} -- \
            python -m workflow_scripts.split_groups \
            --config {params.config:q} \
            --mixed {input.mixed:q} \
            --train {output.train:q} \
            --val {output.val:q} \
            --test {output.test:q} \
            --manifest {output.manifest:q} \
            --store results/store \
            2>&1 | tee {log:q}
        """


rule check_splits:
    input:
        train=expand(rules.split_groups.output.train, use=PLAN.uses),
        val=expand(rules.split_groups.output.val, use=PLAN.uses),
        test=expand(rules.split_groups.output.test, use=PLAN.uses),
    output:
        leaks="results/data/leaks.json",
    log:
        "results/logs/check_splits.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(),
        code=code_digest("check_splits"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "check_splits {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.check_splits \
            --config {params.config:q} \
            --train {input.train:q} \
            --val {input.val:q} \
            --test {input.test:q} \
            --leaks {output.leaks:q} \
            2>&1 | tee {log:q}
        """


rule write_data_card:
    input:
        receipts=PLAN.receipts,
        model="results/models/base/config.json",
        rows=expand(rules.standardize.output.rows, source=PLAN.source_names),
        measures=expand(rules.measure_rows.output.measures, source=PLAN.source_names),
        standard_sums=expand(rules.standardize.output.sums, source=PLAN.source_names),
        tokens=expand(rules.count_tokens.output.tokens, source=PLAN.source_names),
        standard_drops=expand(rules.standardize.output.drops, source=PLAN.source_names),
        clean_sums=expand(rules.clean_rows.output.sums, source=PLAN.source_names),
        clean_drops=expand(rules.clean_rows.output.drops, source=PLAN.source_names),
        mix_summaries=expand(rules.mix_sources.output.summary, use=PLAN.uses),
        mix_drops=expand(rules.mix_sources.output.drops, use=PLAN.uses),
        train=expand(rules.split_groups.output.train, use=PLAN.uses),
        val=expand(rules.split_groups.output.val, use=PLAN.uses),
        test=expand(rules.split_groups.output.test, use=PLAN.uses),
        links=rules.link_rows.output.links,
        leaks=rules.check_splits.output.leaks,
    output:
        json="results/data/card.json",
        markdown=report("results/data/card.md", caption="captions/card.rst", category="Data"),
        pictures=report(
            expand("results/data/card/{picture}.svg", picture=["funnel", "languages", "lengths", "turns"]),
            caption="captions/picture.rst",
            category="Data",
        ),
    log:
        "results/logs/write_data_card.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.card_section(),
        code=code_digest("write_data_card"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "write_data_card {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.write_data_card \
            --config {params.config:q} \
            --receipts {input.receipts:q} \
            --model {input.model:q} \
            --rows {input.rows:q} \
            --measures {input.measures:q} \
            --standard-sums {input.standard_sums:q} \
            --tokens {input.tokens:q} \
            --standard-drops {input.standard_drops:q} \
            --clean-sums {input.clean_sums:q} \
            --clean-drops {input.clean_drops:q} \
            --mix-summaries {input.mix_summaries:q} \
            --mix-drops {input.mix_drops:q} \
            --train {input.train:q} \
            --val {input.val:q} \
            --test {input.test:q} \
            --links {input.links:q} \
            --leaks {input.leaks:q} \
            --json {output.json:q} \
            --markdown {output.markdown:q} \
            --pictures {output.pictures:q} \
            2>&1 | tee {log:q}
        """

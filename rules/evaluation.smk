# Every evaluation of every stage, and the report. Stages: base, sft, align.

FIGURES = [
    kind
    for kind in ("perplexity", "preference", "form", "judgement", "decoding", "panel", "safety", "safety_judged")
    if PLAN.evaluates(kind)
]


rule write_eval_tasks:
    input:
        known=known(*PLAN.uses),
        rows=split_of("sft", split=PLAN.held_out),
    output:
        yaml="results/eval/tasks/{task}.yaml",
        rows="results/eval/tasks/{task}.jsonl",
    log:
        "results/logs/write_eval_tasks/{task}.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(seed="seed"),
        code=lambda wildcards: code_digest("write_eval_tasks", PLAN.task_module(wildcards.task)),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "write_eval_tasks {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.write_eval_tasks \
            --config {params.config:q} \
            --task {wildcards.task} \
            --rows {input.rows:q} \
            --task-yaml {output.yaml:q} \
            --task-rows {output.rows:q} \
            2>&1 | tee {log:q}
        """


rule convert_task_data:
    input:
        lambda wildcards: PLAN.task_files(wildcards.task),
    output:
        "results/eval/data/{task}/manifest.json",
    log:
        "results/logs/convert_task_data/{task}.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=section(),
        code=code_digest("convert_task_data"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "convert_task_data {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --folder "$(dirname {output:q})" --store results/store -- \
            python -m workflow_scripts.convert_task_data \
            --config {params.config:q} \
            --task {wildcards.task} \
            --files {input:q} \
            --manifest {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_harness:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        tasks=expand(rules.write_eval_tasks.output, task=PLAN.local_tasks),
        data=expand(rules.convert_task_data.output, task=PLAN.tasks_with_files),
    output:
        expand("results/eval/{{stage}}/harness/{task}.json", task=PLAN.config.eval.tasks),
    log:
        "results/logs/evaluate_harness/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_harness/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("harness"),
        code=code_digest("evaluate_harness"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_harness {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_harness \
            --config {params.config:q} \
            --code {params.code} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --model-digest "$(cat {input.base:q} {input.adapter:q} | sha256sum | cut -c1-16)" \
            --task-folder results/eval/tasks \
            --task-data {input.data:q} \
            --result-folder results/eval/{wildcards.stage}/harness \
            --store results/store/harness \
            2>&1 | tee {log:q}
        """


rule evaluate_perplexity:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        rows=split_of("sft", split=PLAN.held_out),
        manifest=ancient("results/data/sft/split.json"),
    output:
        "results/eval/{stage}/perplexity.json",
    log:
        "results/logs/evaluate_perplexity/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_perplexity/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=ALL_CARDS,
    params:
        config=lambda wildcards: PLAN.evaluation("perplexity"),
        code=code_digest("evaluate_perplexity"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_perplexity {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_perplexity \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --rows {input.rows:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_preference:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        pairs=split_of("preference", split=PLAN.held_out),
        manifest=ancient("results/data/preference/split.json"),
    output:
        "results/eval/{stage}/preference.json",
    log:
        "results/logs/evaluate_preference/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_preference/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=ALL_CARDS,
    params:
        config=lambda wildcards: PLAN.evaluation("preference"),
        code=code_digest("evaluate_preference"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_preference {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_preference \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --pairs {input.pairs:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_form:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        rows=split_of("sft", split=PLAN.held_out),
        manifest=ancient("results/data/sft/split.json"),
    output:
        "results/eval/{stage}/form.json",
    log:
        "results/logs/evaluate_form/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_form/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("form"),
        code=code_digest("evaluate_form"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_form {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_form \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --rows {input.rows:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_decoding:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        rows=split_of("sft", split=PLAN.held_out),
        manifest=ancient("results/data/sft/split.json"),
    output:
        "results/eval/{stage}/decoding.json",
    log:
        "results/logs/evaluate_decoding/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_decoding/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("decoding"),
        code=code_digest("evaluate_decoding"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_decoding {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_decoding \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --rows {input.rows:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_judgement:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        rows=expand(rules.standardize.output.rows, source=PLAN.config.eval.judgement.sources),
    output:
        "results/eval/{stage}/judgement.json",
    log:
        "results/logs/evaluate_judgement/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_judgement/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("judgement"),
        code=code_digest("evaluate_judgement"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_judgement {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_judgement \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --rows {input.rows:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_panel:
    input:
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
        prompts=repository(PLAN.config.eval.panel.prompts),
    output:
        "results/eval/{stage}/panel.json",
    log:
        "results/logs/evaluate_panel/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_panel/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("panel"),
        code=code_digest("evaluate_panel"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_panel {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_panel \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --prompts {input.prompts:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule evaluate_safety:
    input:
        **PLAN.safety_inputs(),
        known=known(*PLAN.uses),
        base=rules.prepare_base.output.manifest,
        adapter=adapter_of,
    output:
        "results/eval/{stage}/safety.json",
    log:
        "results/logs/evaluate_safety/{stage}.log",
    benchmark:
        "results/benchmarks/evaluate_safety/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.evaluation("safety"),
        code=code_digest("evaluate_safety"),
    shell:
        r"""
        adapter={input.adapter:q}
        python -m workflow_scripts.run_step --step "evaluate_safety {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.evaluate_safety \
            --config {params.config:q} \
            --base results/models/base \
            ${{adapter:+--adapter "$(dirname "$adapter")"}} \
            --prompts {input.prompts:q} \
            --rows {input.rows:q} \
            --blocklists {input.blocklists:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule judge_safety:
    input:
        known=known(*PLAN.uses),
        safety=rules.evaluate_safety.output,
        judge=rules.prepare_judge.output.manifest,
    output:
        "results/eval/{stage}/safety_judged.json",
    log:
        "results/logs/judge_safety/{stage}.log",
    benchmark:
        "results/benchmarks/judge_safety/{stage}.tsv"
    conda:
        "../envs/workflow.yaml"
    threads: ALL_THREADS
    resources:
        gpu=1,
    params:
        config=lambda wildcards: PLAN.judging_safety(),
        code=code_digest("judge_safety"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "judge_safety {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.judge_safety \
            --config {params.config:q} \
            --judge results/models/judge \
            --safety {input.safety:q} \
            --result {output:q} \
            2>&1 | tee {log:q}
        """


rule write_report:
    input:
        config="results/config.yaml",
        known=known(*PLAN.uses),
        card=rules.write_data_card.output.json,
        evaluations=expand("results/eval/{stage}/{kind}.json", stage=PLAN.stages, kind=FIGURES)
        + expand("results/eval/{stage}/harness/{task}.json", stage=PLAN.stages, task=PLAN.config.eval.tasks),
        metrics=expand("results/models/{stage}/metrics.json", stage=PLAN.trained_stages),
        timing=expand("results/models/{stage}/timing.json", stage=PLAN.trained_stages),
        parity=rules.merge_adapter.output.parity,
        scores=PLAN.panel_scores(),
        sampling=["results/sampling/stats.json"] if PLAN.samples else [],
    output:
        json="results/eval/report.json",
        html=report("results/eval/report.html", caption="captions/report.rst", category="Evaluation"),
    log:
        "results/logs/write_report.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.report_section(),
        code=code_digest("write_report"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "write_report {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.write_report \
            --config {params.config:q} \
            --card {input.card:q} \
            --folder results/eval \
            --evaluations {input.evaluations:q} \
            --metrics {input.metrics:q} \
            --timing {input.timing:q} \
            --merge-parity {input.parity:q} \
            --panel-scores {input.scores:q} \
            --sampling {input.sampling:q} \
            --report-json {output.json:q} \
            --report-html {output.html:q} \
            2>&1 | tee {log:q}
        """


rule write_model_card:
    input:
        known=known(*PLAN.uses),
        report=rules.write_report.output.json,
        card=rules.write_data_card.output.json,
    output:
        "results/models/{folder}/README.md",
    log:
        "results/logs/write_model_card/{folder}.log",
    conda:
        "../envs/workflow.yaml"
    params:
        config=lambda wildcards: PLAN.model_card_section(wildcards.folder),
        code=code_digest("write_model_card"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "write_model_card {wildcards}" --code {params.code} \
            --inputs {input:q} --outputs {output:q} --store results/store -- \
            python -m workflow_scripts.write_model_card \
            --config {params.config:q} \
            --report {input.report:q} \
            --card {input.card:q} \
            --readme {output:q} \
            2>&1 | tee {log:q}
        """

# Raw data in an object store. Snakemake's storage plugin fetches it; what is there is asked for at each start, so that
# a changed object is seen. Only included where a source asks for it: nobody else needs the plugin.

from workflow_scripts.lib.sources import s3_client

try:
    # A job on another node has what was fetched, and perhaps neither network nor credentials.
    ASKED = PLAN.object_keys() if workflow.is_main_process else []
    SILENT = [why for key in ASKED if (why := PLAN.silence(key))]
    OUTDATED = [key for key in ASKED if PLAN.is_outdated(key)]
except UserError as error:
    raise WorkflowError(f"config: {error}") from None
for why in SILENT:
    sys.stderr.write(f"{why}; going on with what was fetched before\n")

if OUTDATED:

    storage:
        provider="s3",
        region=s3_client.region(),


localrules:
    acquire_objects,


rule acquire_objects:
    input:
        # Their ETags tell of a change (PLAN.is_outdated); times would have to be compared between two clocks.
        objects=lambda wildcards: [ancient(storage.s3(address)) for address in PLAN.objects(wildcards.key)],
    output:
        receipt=update(RECEIPT),
    log:
        "results/logs/acquire/{key}.log",
    wildcard_constraints:
        key="|".join(OUTDATED) or "(?!)",  # other receipts are files like any, which no rule makes
    conda:
        "../envs/storage.yaml"
    params:
        config=lambda wildcards: PLAN.objects_section(wildcards.key),
        code=code_digest("acquire_objects"),
    shell:
        r"""
        python -m workflow_scripts.run_step --step "acquire_objects {wildcards}" --code {params.code} \
            --outputs {output:q} -- \
            python -m workflow_scripts.acquire_objects \
            --config {params.config:q} \
            --first {input.objects[0]:q} \
            --receipt {output.receipt:q} \
            2>&1 | tee {log:q}
        """

"""Tuiqiao: from raw public data to an evaluated, aligned Chinese language model, every artifact a target."""

from snakemake.utils import min_version

min_version("9.0")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/shards.smk"
include: "rules/sampling.smk"
include: "rules/models.smk"
include: "rules/evaluation.smk"


if PLAN.object_keys():

    include: "rules/objects.smk"


rule all:
    default_target: True
    input:
        rules.write_report.output,
        rules.write_data_card.output,
        rules.merge_adapter.output,
        rules.export_gguf.output if PLAN.config.export.gguf else [],
        MODEL_CARDS,


onstart:
    check_environment()
    hold_folder()
    tell_plan()


onsuccess:
    tell_result()


onerror:
    tell_failure(log)

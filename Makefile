# One command a purpose; `make help` lists them. Everything runs in .venv, with your own pip and npm settings.

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PYTHON ?= python3
RUN := PATH="$(BIN):$$PATH"
CORES ?= 1
MAX_SIZE ?= 0
RESULTS ?= results
PORT ?= 8377
RECIPE ?= k12
STAGE ?= align
SWEEP ?= orpo_or_dpo
JOBS ?= 1
# Ctrl-C is for the program that runs, and make would call it a failure: a terminal's job of its own. Ctrl-Z then stops
# that job without make, which takes it for the end: it is left alone
OWN_JOB := if [ -t 0 ]; then set -m; trap '' TSTP; fi;
# `--flag "$VARIABLE"` if the variable was given to make itself, by the shell: make would read dollars in it
given = $(if $(filter command,$(origin $(2))),$(1) "$$$(2)")

.DEFAULT_GOAL := help
.PHONY: help setup report chat app explain publish push panel compare sweep test test-full test-slurm test-storage smoke lint format schema plan what-if store prune clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready  ## Build .venv from envs/requirements.txt

report: setup  ## Fine-tune, align and evaluate the default recipe; ends with results/eval/report.html
	$(RUN) snakemake --cores $(CORES) results/eval/report.json

chat: setup  ## Talk with a stage (base, sft, align, merged): make chat STAGE=sft; PROMPT="…" asks once, SYSTEM="…" sets the tone
	@$(OWN_JOB) $(RUN) python -m workflow_scripts.chat --results $(RESULTS) --stage $(STAGE) --saves human/chats.jsonl \
		$(call given,--prompt,PROMPT) $(call given,--system,SYSTEM) $(filter generation.% model.% eval.safety.blocklists=% seed=%,$(MAKEOVERRIDES))

app: PORT := 8378
app: setup  ## Ask stages side by side in a page on http://127.0.0.1:8378/: make app STAGES="base align"
	@$(OWN_JOB) $(RUN) python -m workflow_scripts.serve_stages --results $(RESULTS) --stages "$(STAGES)" --panels human/panels \
		--port $(PORT) $(filter generation.% model.% eval.safety.blocklists=% seed=%,$(MAKEOVERRIDES))

explain: setup  ## Tell where FILE comes from, back to what was fetched: make explain FILE=results/models/align/adapter_model.safetensors; CRATE=<folder> writes it for machines, too
	@$(RUN) python -m workflow_scripts.explain --results $(RESULTS) --file "$(FILE)" $(call given,--crate,CRATE)

publish: setup  ## Show what would go to a model hub, UPLOAD=yes sends it: make publish STAGE=merged REPO=<owner>/<name>
	@$(RUN) python -m workflow_scripts.publish --results $(RESULTS) --stage $(STAGE) --repo "$(REPO)" \
		$(if $(filter yes,$(UPLOAD)),--upload) $(if $(filter yes,$(PUBLIC)),--public)

push: setup  ## Show what of a run would go to an object store, UPLOAD=yes sends it: make push TO=s3://<bucket>/<folder>; PARTS="align eval" for those only
	@$(RUN) python -m workflow_scripts.push_results --results $(RESULTS) --to "$(TO)" --parts $(PARTS) \
		$(if $(filter yes,$(UPLOAD)),--upload)

panel: setup  ## Score the replies of RESULTS/eval, blind, in a page on http://127.0.0.1:PORT/; `make report` takes them in
	@$(OWN_JOB) $(RUN) python -m workflow_scripts.score_panel --folder $(RESULTS)/eval --scores human/panel_scores.jsonl --port $(PORT)

compare: setup  ## Compare runs, as RUNS="runs/a runs/b", by the report's statistics; writes compare.html
	@$(RUN) python -m workflow_scripts.compare_runs --runs $(RUNS) --page compare.html

sweep: setup  ## Run all variants of config/sweeps/SWEEP.yaml and compare them: make sweep SWEEP=orpo_or_dpo; PLAN=yes only says what would run
	@$(RUN) python -m workflow_scripts.sweep --sweep $(SWEEP) --cores $(CORES) --jobs $(JOBS) --cards $(CARDS) \
		$(if $(filter yes,$(PLAN)),--plan-only)

test: $(VENV)/.ready-dev  ## Run the tests (minutes, no network needed but for one that says so)
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder

test-full: $(VENV)/.ready-dev  ## Run all tests, long tiers too
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder -m "full or not full"

test-slurm: $(VENV)/.ready-dev  ## Run the workflow through a throw-away Slurm on this machine (as root, with slurm-wlm and munge installed)
	$(BIN)/python -m pip install --disable-pip-version-check -r envs/requirements-slurm.txt
	PATH="$(BIN):$$PATH:/usr/sbin" pytest -m full tests/cluster  # where Debian puts the daemons

test-storage: $(VENV)/.ready-dev  ## Run raw data from, and results to, an object store that runs on this machine
	$(BIN)/python -m pip install --disable-pip-version-check -r envs/requirements-storage.txt -r envs/requirements-test-storage.txt
	$(RUN) pytest -m full tests/storage

smoke: $(VENV)/.ready-dev  ## Run a recipe whole on small made-up data and a tiny model: make smoke RECIPE=k12
	$(RUN) PYTHONPATH=.:tests:tests/workflow:tests/evaluation:tests/recipes python -m smoke $(RECIPE) smoke/$(RECIPE)

lint: $(VENV)/.ready-dev  ## Check style of Python and Snakemake code
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile rules
	$(RUN) snakemake --lint

format: $(VENV)/.ready-dev  ## Format Python and Snakemake code (before results matter: a changed shell text re-runs jobs)
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile rules

schema: setup  ## Write config/schema.json and docs/report.schema.json anew from the models
	$(RUN) python -m workflow_scripts.write_schema --schema config/schema.json --report-schema docs/report.schema.json

plan:  ## Show which steps are stale, why, and how long they take; runs nothing
	@$(RUN) snakemake -n --quiet all --cores $(CORES)

what-if:  ## Show which rows other settings would drop or bring back: make what-if clean.max_repetition=0.5
	@$(RUN) python -m workflow_scripts.what_if --results results --samples 3 \
		$(filter-out CORES=% MAX_SIZE=% PYTHON=%,$(MAKEOVERRIDES))

store:  ## List what results/store keeps of earlier settings
	@$(RUN) python -m workflow_scripts.manage_store list --results results

prune:  ## Shrink results/store to MAX_SIZE (such as 5GB); what is in use stays
	@$(RUN) python -m workflow_scripts.manage_store prune --results results --max-size $(MAX_SIZE)

clean:  ## Remove results (not data_raw, data_cache or human)
	rm -rf results .snakemake

$(VENV)/.ready: envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r envs/requirements.txt
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready envs/requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check -r envs/requirements-dev.txt
	touch $@

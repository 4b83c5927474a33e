# Two commands do everything: `make run` and `make test`. Both build .venv from nothing but python3.
PY   := .venv/bin/python
BASE := .venv/.base
DEV  := .venv/.dev
DOCS := .venv/.docs
PYTEST := .venv/bin/pytest -q -n auto --dist worksteal

# Byte code is written whatever the shell says: each worker and each process that the tests start would compile again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test quick crowd fast-crowd faults soak kill test-ray judges fuzz check docs docs-outputs bench release clean sync-models pythons redis

run: $(BASE)
	@$(PY) examples/tour.py

test: $(DEV) redis
	@$(PYTEST) $(ARGS)

# The tests of shared limits start a server of their own.
redis:
	@command -v redis-server >/dev/null || { echo "Installing Debian's redis-server, for the tests ..."; \
		{ apt-get update && apt-get install -y --no-install-recommends redis-server; } >/dev/null; }

# The inner loop: whatever needs no model, no new process, no framework and no document, with fewer random examples,
# and without what takes long and shows little more.
quick: $(DEV)
	@HYPOTHESIS_PROFILE=quick $(PYTEST) -m "not model and not process and not framework and not docs and not thorough" $(ARGS)

# Large crowds of calls in virtual time: see tests/test_crowd.py.
crowd: $(DEV)
	@CROWD_SIZE=2000 CROWD_SEEDS="$${CROWD_SEEDS:-$$(seq -s ' ' 1000 1039)}" $(PYTEST) tests/test_crowd.py $(ARGS)

# Every kind of answer on every wire under every fault, after each event, over every transport: some minutes.
faults: $(DEV)
	@FAULTS=all $(PYTEST) tests/transports/test_fault_matrix.py $(ARGS)

# 10,000 calls over the fast transport beside 1,000 that are cut short.
fast-crowd: $(DEV)
	@FAST_CROWD_CALLS=10000 $(PYTEST) tests/transports/test_fast_crowd.py $(ARGS)

# Eight minutes of 200 async streams and 16 threads over every transport, while three calls in ten go wrong.
soak: $(DEV)
	@PYTHONPATH=tests/support:. $(PY) tests/support/soak.py $(ARGS)

# Fifty kills of each cache, store, cassette, installation and shared limit, a hundred of a map.
kill: $(DEV) redis
	@PYTHONPATH=tests/support:. $(PY) tests/support/kills.py $(ARGS)

# A map on a local Ray cluster, one of whose two workers is killed. Ray has an environment of its own: it is large.
RAY := .build/ray
test-ray: redis
	@test -x $(RAY)/bin/python || python3 -m venv $(RAY)
	@echo "Setting up $(RAY) ..."
	@$(RAY)/bin/pip install -q --disable-pip-version-check -e ".[local,fast,redis,ray]"
	@PYTHONPATH=tests/support $(RAY)/bin/python tests/support/ray_cluster.py

# Ten minutes of changed streams and answers for every parser and decoder; guided by atheris where that is installed.
fuzz: $(DEV)
	@echo "Adding atheris, where it installs ..."
	@.venv/bin/pip install -q --disable-pip-version-check atheris || echo "It does not install here."
	@PYTHONPATH=tests/support:. $(PY) tests/support/fuzz.py $(ARGS)

# Servers by other authors that judge this client, installed into .build/judges; writes docs/judges.md. Ten minutes at most.
judges: $(DEV)
	@PYTHONPATH=tests/support:. $(PY) -m judges $(ARGS)

# mypy cannot follow the editable install's import hook, so it reads a tree of symlinks laid out as the package is.
check: $(DEV)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@mkdir -p .build/types/stepwell
	@for path in stepwell/*; do ln -sfn "$(CURDIR)/$$path" .build/types/stepwell/; done
	@for layer in schemas pipeline providers model_metadata; do ln -sfn "$(CURDIR)/$$layer" .build/types/stepwell/$$layer; done
	@MYPYPATH=.build/types .venv/bin/mypy --cache-dir .build/mypy -p stepwell
	@.venv/bin/pytest -q tests/test_architecture.py tests/architecture tests/test_words.py

# A chosen part of the tests under each Python that is here, and with the oldest versions of all that we depend on.
pythons:
	@python3 tests/support/pythons.py $(ARGS)

# The site of docs/, into .build/site; a warning is an error.
docs: $(DOCS)
	@$(PY) -m tools.site

# The outputs below the snippets, and the tables that are made from the code: written anew where they differ.
docs-outputs: $(DEV)
	@PYTHONPATH=. $(PY) -m tools.tables
	@PYTHONPATH=. $(PY) -m tools.snippets --write $(ARGS)

bench: $(DEV)
	@$(PY) -m benchmarks.run $(ARGS)

# Wheel, source archive and hashes of a tagged commit, into dist/: see docs/releasing.md.
release: $(DEV)
	@$(PY) -m tools.release

sync-models: $(BASE)
	@$(PY) -m stepwell.model_metadata.sync $(ARGS)

clean:
	rm -rf .venv .build build dist *.egg-info

$(BASE): pyproject.toml
	@echo "Setting up .venv: stepwell with its local model's library (about a minute, once) ..."
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install -q --disable-pip-version-check -e ".[local]"
	@touch $@

$(DEV): $(BASE)
	@echo "Adding what the tests and checks need (a few minutes, once) ..."
	@$(PY) -m pip install -q --disable-pip-version-check -e ".[local,dev]"
	@touch $@

$(DOCS): $(BASE)
	@echo "Adding what builds the site of the documents (a minute or two, once) ..."
	@$(PY) -m pip install -q --disable-pip-version-check -e ".[docs]"
	@touch $@

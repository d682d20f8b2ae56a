# Does everything from the set-up on; `make` alone lists what there is. Read by GNU make 3.81 (macOS) and newer.

# The Python that a new .venv is made from, and options for the command that a target runs.
PYTHON = python3
ARGS =

IN_VENV = .venv/bin/python -m

# Pinned: a newer TypeScript may find fault with what this one accepts.
TYPESCRIPT = 5.9.3
TSC = .venv/node/node_modules/.bin/tsc
CHECK = --noEmit --allowJs --checkJs --strict --target es2022 --lib es2023,dom,dom.iterable
PRINT_RULES = from microgrid import javascript, value; print(javascript.rules_source(value.RULES))

PLAYGROUND = $(shell find docs/playground microgrid titanic -name node_modules -prune -o -type f ! -name '*.pyc' -print)
SITE = $(shell find docs microgrid titanic tests -name node_modules -prune -o -type f ! -name '*.pyc' -print)

.PHONY: help titanic test scripts site playground fuzz bench venv dot chromium fonts node clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s%s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." hands options on, as in: make titanic ARGS="train --epochs 50"'
	@echo 'PYTHON=... names the Python, 3.10 or newer, that a new .venv is made from'

titanic: .venv/with-titanic ## set up what is missing, then train the network on the passengers
	@$(IN_VENV) titanic $(ARGS)

test: dot chromium fonts .venv/with-titanic .venv/with-test scripts ## set up what is missing, then check style and types and run the tests, on all cores
	@! $(has_node) && test "$$CI" != true || $(MAKE) site
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(IN_VENV) mypy
	$(IN_VENV) pytest -n auto $(ARGS)

# The parts of the page's script share their names. Under CI=true nothing is left out.
scripts: node .venv/with-tsc docs/playground/node_modules/.package-lock.json ## check the types of the page's scripts
	@.venv/bin/python -c '$(PRINT_RULES)' >.venv/rules.js
	@if $(has_node) || test "$$CI" = true; then \
		set -x; $(TSC) $(CHECK) .venv/rules.js microgrid/*.js && $(TSC) --project docs/playground/jsconfig.json; fi

docs/playground/node_modules/.package-lock.json: docs/playground/package-lock.json
	@! $(has_node) || { echo "Installing what the playground is made of into docs/playground/node_modules"; \
		npm ci --prefix docs/playground --no-audit --no-fund --loglevel=error >/dev/null && touch $@; }

site: node build/site-made ## build the documentation as a site, with the playground, in build/site
	@:

# What the pages link to in tests/ is on the site too. Without NO_MKDOCS_2_WARNING each build would advertise.
build/site-made: .venv/with-docs build/playground-made mkdocs.yml CHANGELOG.md CONTRIBUTING.md $(SITE)
	NO_MKDOCS_2_WARNING=true $(IN_VENV) mkdocs build --strict
	cp -R build/playground build/site/playground
	@touch $@

build/playground-made: .venv/made docs/playground/node_modules/.package-lock.json $(PLAYGROUND)
	.venv/bin/python docs/playground/build.py build/playground
	@touch $@

playground: site ## serve the site on this machine, and open the playground in the browser
	@.venv/bin/python docs/playground/serve.py build/site

fuzz: dot chromium .venv/with-titanic .venv/with-test ## try 10,000 random inputs on what holds for all, on all cores; over an hour on two, less with ARGS=tests/test_value.py
	HYPOTHESIS_PROFILE=fuzz $(IN_VENV) pytest -m hypothesis -n auto $(ARGS)

bench: .venv/with-titanic .venv/with-bench ## measure the speed, against micrograd's too
	@$(IN_VENV) tests.benchmarks $(ARGS)

venv: .venv/made ## make the virtual environment .venv, with nothing in it yet
	@:

clean: ## remove .venv and what building and testing left, but no results
	rm -rf .venv build dist docs/playground/node_modules *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# What a system may lack. Each is a shell command that says what it installs, and fails when it cannot:
# $(call install,DEBIAN'S PACKAGES,HOMEBREW'S PACKAGES)

install = { \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
	if command -v apt-get >/dev/null && command -v $${as_root:-env} >/dev/null; then \
		echo "Installing $(1) with $${as_root:+sudo }apt-get"; \
		$$as_root apt-get -qq update; \
		$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $(1) >/dev/null; \
	elif command -v brew >/dev/null; then \
		echo "Installing $(2) with brew"; \
		brew install --quiet $(2); \
	else false; fi; }

is_new_enough = "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
can_make_venv = "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null
has_chromium = { command -v chromedriver && { command -v chromium || command -v google-chrome || \
	command -v google-chrome-stable || ls -d "/Applications/Google Chrome.app"; }; } >/dev/null 2>&1
has_node = { command -v node && command -v npm; } >/dev/null 2>&1
# Liberation Sans is as wide as Arial, letter by letter.
has_arial = { test -d /System/Library/Fonts || fc-match Arial | grep -q -e Arial -e Liberation; } 2>/dev/null

dot:
	@command -v dot >/dev/null || $(call install,graphviz,graphviz) || \
		echo "The tests of the pictures need Graphviz's dot: install your system's package graphviz. Going on without." >&2

chromium:
	@$(has_chromium) || $(call install,chromium chromium-driver fonts-dejavu-core,--cask google-chrome chromedriver) || \
		echo "The tests of the web page need Chromium: install your system's packages chromium and" \
			"chromium-driver, or Google Chrome and chromedriver. Going on without." >&2

fonts:
	@$(has_arial) || $(call install,fontconfig fonts-liberation fonts-dejavu-core,font-liberation) || \
		echo "The tests of the pictures need Arial or a font as wide: install your system's package" \
			"fonts-liberation. Going on without." >&2

node:
	@$(has_node) || $(call install,nodejs npm,node) || \
		echo "The site and the check of the page's scripts need Node.js: install your system's packages" \
			"nodejs and npm. Going on without." >&2

# An upgrade of the system's Python can leave .venv without one: then it is made anew.
$(shell test -x .venv/bin/python || rm -f .venv/made)

.venv/made:
	@$(is_new_enough) || test "$(PYTHON)" != python3 || $(call install,python3,python) || true
	@$(is_new_enough) || { echo "microgrid needs Python 3.10 or newer, and $(PYTHON) is not that:" \
		"install one, then name it: make PYTHON=python3.12 ..." >&2; false; }
	@$(can_make_venv) || $(call install,python3-venv,python) && $(can_make_venv) || { \
		echo "$(PYTHON) cannot make a virtual environment: install your system's package python3-venv." >&2; false; }
	@echo "Making the virtual environment .venv"
	@"$(PYTHON)" -m venv --clear .venv
	@touch $@

# One stamp for each extra, newer than what names its requirements. Editable, so that what runs is this checkout.
.venv/with-%: .venv/made setup.cfg pyproject.toml
	@echo "Installing microgrid[$*] into .venv"
	@$(IN_VENV) pip install --quiet --disable-pip-version-check --editable ".[$*]"
	@touch $@

.venv/with-tsc: .venv/made Makefile
	@! $(has_node) || { echo "Installing typescript@$(TYPESCRIPT) into .venv"; \
		npm install --prefix .venv/node --no-save --no-audit --no-fund --loglevel=error \
			typescript@$(TYPESCRIPT) >/dev/null && touch $@; }

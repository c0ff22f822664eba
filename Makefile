# make app   start the app (PORT=8600 asks for a port, CLASS=1 opens it to the network)
# make test  ruff, pyright and every test, the browser's too

VENV := .venv
BIN := $(VENV)/bin
PORT ?=
CLASS ?=
# The first Python from 3.11 up that can make a virtual environment; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

# Prints the port to use: the one asked for if it is empty, else the next empty one (from 8501 up).
define FIND_PORT
import socket, sys
asked = sys.argv[1]
if asked and not (asked.isdecimal() and 0 < int(asked) < 65536):
    sys.exit(f"PORT={asked} is not a port: give a whole number from 1 to 65535.")
def empty(port):
    with socket.socket() as probe, socket.socket() as claim:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
first = int(asked or 8501)
found = next((port for port in range(first, min(first + 1000, 65536)) if empty(port)), None)
if found is None:
    sys.exit(f"No empty port from {first} up: give another with PORT=.")
if asked and found != first:
    print(f"Port {first} is taken: using {found}.", file=sys.stderr)
print(found)
endef
export FIND_PORT

# Tests write hundreds of databases, each of which is to be safe on its disk: in memory, where there is plenty, that
# takes no time.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "TMPDIR=/dev/shm" }')

.PHONY: app test clean
.DEFAULT_GOAL := app

app: $(VENV)/.app-installed
	@port=$$($(BIN)/python -c "$$FIND_PORT" "$(PORT)") || exit 2; \
	echo "RLHF Lab is at http://127.0.0.1:$$port (stop it with Ctrl-C)"; \
	set -- --server.address 127.0.0.1; \
	if test -n "$(CLASS)"; then \
		lan=$$($(BIN)/python -c "from lab.lan import lan_address; print(lan_address() or '127.0.0.1')"); \
		echo "For the class, in the same network: http://$$lan:$$port"; \
		set -- --server.address 0.0.0.0 --browser.serverAddress $$lan; \
	fi; \
	exec $(BIN)/python -m streamlit run app.py "$$@" --server.port $$port \
		--server.headless true --server.showEmailPrompt false --browser.gatherUsageStats false

test: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(IN_MEMORY) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "RLHF Lab needs Python 3.11 or newer with its venv module (on Debian:" \
		"apt-get install python3 python3-venv). If it has another name: make PYTHON=/path/to/python3." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamps make the second start instant: pip runs again only after a change of the requirements.
# Python compiles what it imports at the first import: all that is installed would take pip three quarters of a minute.
$(VENV)/.app-installed: requirements.txt | $(BIN)/python
	@echo "Installing what the app needs into $(VENV): once, a minute or more."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile -r requirements.txt
	@touch $@

$(VENV)/.dev-installed: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what the app and its tests need into $(VENV): once, a minute or more."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile -r requirements-dev.txt
	@touch $(VENV)/.app-installed $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache test-results

# Every target does its own set-up. The ones that boot hosts need root, and leave nothing behind.

export PYTHONPATH := $(CURDIR):$(CURDIR)/_utils
PYTHON := .venv/bin/python

.PHONY: help setup venv unit test demo lab bench-restart bench-clients bench-leases bench-torn damage-test lint clean

help:
	@echo "make demo           a real pair restarted under load, shown on a page"
	@echo "make test           all tests"
	@echo "make unit           the tests that need neither root nor the lab"
	@echo "make lint           ruff and mypy"
	@echo "make lab            a shell in a lab with a pair and Salt"
	@echo "make bench-restart  what a restart by the orchestration costs"
	@echo "make bench-clients  what each way of restarting costs the clients"
	@echo "make bench-leases   reading lease files, beside dhcpd-pools and isc-dhcp-leases"
	@echo "make bench-torn     how often a stop tears the lease file, beside a plain SIGTERM"
	@echo "make damage-test    lease files damaged at each byte, read by a real dhcpd"
	@echo "make setup          packages and the virtual environment, as the others do it too"
	@echo "make clean          remove what was built; the virtual environment stays"

setup:
	@lab/setup

venv:
	@lab/setup --python

unit: venv
	$(PYTHON) -m pytest tests/unit

test: setup
	lab/isolated $(PYTHON) -m pytest

demo: setup
	@lab/isolated $(PYTHON) -m lab.demo

lab: setup
	@lab/isolated $(PYTHON) -m lab.shell

bench-restart: setup
	lab/isolated $(PYTHON) -m bench.restart

bench-clients: setup
	lab/isolated $(PYTHON) -m bench.clients

bench-leases: setup
	$(PYTHON) -m bench.leases

bench-torn: setup
	lab/isolated $(PYTHON) -m bench.torn

damage-test: setup
	DAMAGE=all $(PYTHON) -m pytest tests/functional/test_damaged_lease_files.py

lint: venv
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

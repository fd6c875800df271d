# Every target does its own set-up. The ones that boot hosts need root, and leave nothing behind.

export PYTHONPATH := $(CURDIR):$(CURDIR)/_utils
PYTHON := .venv/bin/python

.PHONY: help setup venv unit test explore fuzz test-salts salts-table steering-test long-test docs docs-test docs-outputs docs-blocks docs-troubles docs-faults docs-pictures reboot-test fleet-test faults soak platforms-test doctor-test \
	docs-terminal rollout-test demo fresh lab bench-restart bench-clients bench-leases \
	bench-status events-test metrics-test bench-torn damage-test upgrade-test bench-conf bench-fleet bench-crowd bench-peers peers-table races nobody-serving lint clean

help:
	@echo "make demo           a real pair restarted under load, shown on a page"
	@echo "make test           all tests"
	@echo "make long-test      what takes half a minute each: stops and starts by the master, dead hubs, rollouts taken back"
	@echo "make reboot-test    hosts that reboot and die, under load; some minutes"
	@echo "make fleet-test     eight pairs by one command: one fails, the run is killed, rollout, reboot (15 min)"
	@echo "make platforms-test a pair on Debian 13, Ubuntu 22.04 and 24.04, as real roots (ONLY=ubuntu-24.04; 10 min)"
	@echo "make faults         each fault at each step of a run (SHARD=1/16 KIND=restart); build/faults.json"
	@echo "make soak           restarts, rollouts, reboots with random faults for 30 min (SECONDS=, SEED=); build/soak.json"
	@echo "make nobody-serving what clients see when something dies in a restart; build/nobody-serving.json"
	@echo "make rollout-test   rollouts under load, and files with which dhcpd never gets normal"
	@echo "make unit           the tests that need neither root nor the lab"
	@echo "make steering-test  each way to stop a run, at each of its steps"
	@echo "make test-salts     chosen tests on Salt 3006, 3007, 3008 with their Pythons (30 min)"
	@echo "make salts-table    what that came to, into README.md"
	@echo "make explore        the protocol explored by machine for an hour, build/explore.json"
	@echo "make docs           the documents as a site, build/docs/html; a warning is an error"
	@echo "make docs-test      every console block of the documents run on a real pair (PAGE=tutorial for one)"
	@echo "make docs-outputs   what those commands print now, written into the pages"
	@echo "make docs-blocks    every code block of the documents: what runs it, or why nothing does"
	@echo "make docs-troubles  docs/troubles.md: every trouble, what it means and what to do"
	@echo "make docs-faults    docs/faults.md, from build/faults.json"
	@echo "make docs-pictures  the pictures in docs/pictures, taken in a real browser"
	@echo "make doctor-test    troubles provoked in the lab, named by preflight and doctor (9 min)"
	@echo "make upgrade-test   an old tree synced, then this one over it"
	@echo "make docs-terminal  docs/terminal.md: what a terminal shows, from the lab"
	@echo "make lint           ruff and mypy"
	@echo "make fresh          make demo in a bare Debian 12 root (TEST=--test: make test too); build/fresh.json"
	@echo "make lab            a shell in a lab with a pair and Salt"
	@echo "make bench-restart  what a restart by the orchestration costs"
	@echo "make bench-clients  what each way of restarting costs the clients"
	@echo "make bench-leases   reading lease files, beside dhcpd-pools and isc-dhcp-leases"
	@echo "make bench-status   one OMAPI query beside omshell, one status, one round of the beacon"
	@echo "make events-test    longer proofs of beacon, reactor, access and secrets"
	@echo "make metrics-test   metrics and alert rules in a real Prometheus"
	@echo "make bench-torn     how often a stop tears the lease file, beside a plain SIGTERM"
	@echo "make damage-test    lease files damaged at each byte, read by a real dhcpd"
	@echo "make bench-conf     a configuration of 50,000 hosts, beside dhcpd -t"
	@echo "make bench-fleet    many pairs restarted by one command, beside one pair and the CPU's floor"
	@echo "make bench-crowd    a master with 1,000 simulated minions: pairs, status, fleet_plan"
	@echo "make bench-peers    beside Ansible, a script, a highstate, Salt's batch: healthy, and in four troubles (20 min)"
	@echo "make peers-table    what that came to, into README.md and docs/peers.md"
	@echo "make races          persons who stop both servers at once: never both down (ROUNDS=30; 10 min)"
	@echo "make setup          packages and the virtual environment, as the others do it too"
	@echo "make clean          remove what was built; the virtual environment stays"

setup:
	@lab/setup

venv:
	@lab/setup --python

unit: venv
	$(PYTHON) -m pytest tests/unit

# Three labs at once, each with a third of the files: most of the time a pair is waited for.
test: setup
	$(PYTHON) -m pytest --dist loadfile --tx '3*popen//python=lab/isolated $(PYTHON)'

# Long proofs carry the marker slow, which keeps them out of make test.
steering-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_steering_every_step.py \
		tests/integration/test_steering_a_maintenance.py

# Three Salts on the Pythons of their onedirs; half an hour. SALTS="3006 3008" for some of them.
test-salts: setup
	$(PYTHON) -m lab.salts $(SALTS)

salts-table: venv
	$(PYTHON) -m lab.salts --table

# An hour; SECONDS=600 for less.
explore: venv
	PYTHONPATH=$(PYTHONPATH):tests/unit:tests/model $(PYTHON) tests/model/explore.py $(SECONDS)

# An hour; SECONDS=60 for less.
fuzz: venv
	PYTHONPATH=$(PYTHONPATH):tests/unit:tests/unit/log:tests/fuzz $(PYTHON) tests/fuzz/fuzz.py $(SECONDS)

docs:
	@lab/setup --docs
	@.venv-docs/bin/python docs/website.py

docs-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/documents -k '$(PAGE)'

docs-outputs: setup
	lab/isolated $(PYTHON) -m lab.documents $(PAGE)

docs-blocks: venv
	@$(PYTHON) -m docs.run_by

docs-troubles: venv
	$(PYTHON) -m docs.troubles

docs-faults: venv
	$(PYTHON) -m lab.faults.table

docs-pictures:
	@lab/setup --pictures
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_pictures.py

long-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_rollout_on_probation.py \
		tests/integration/test_acts_of_persons.py tests/integration/test_dead_partner.py

reboot-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/hosts/test_hosts_that_reboot.py

fleet-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/hosts/test_fleet_of_eight.py

# Roots of other systems, made by debootstrap in build/roots once; what can't be had fails, with the reason.
platforms-test: setup
	$(PYTHON) -m lab.roots $(ONLY) || true
	lab/isolated $(PYTHON) -m pytest -m slow tests/hosts/test_platforms.py -k '$(ONLY)'

# They take hours: SHARD=1/16 for a part, KIND=restart, ONLY="power" for some, MISSING=1 for the rest.
faults: setup
	lab/isolated $(PYTHON) -m lab.faults $(if $(SHARD),--shard $(SHARD)) $(if $(KIND),--kind $(KIND)) \
		$(if $(ONLY),--only "$(ONLY)") $(if $(MISSING),--missing)

# Half an hour and the set-up; SECONDS=300 for less, SEED=7 FIRST=12 for the rounds of another one.
soak: setup
	lab/isolated $(PYTHON) -m lab.soak $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(FIRST),--first $(FIRST))

nobody-serving: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/hosts/test_nobody_serving.py

doctor-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_troubles.py

upgrade-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_upgrade.py

docs-terminal: setup
	lab/isolated $(PYTHON) -m lab.captures

rollout-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/integration/test_rollout_proofs.py

demo: setup
	@lab/isolated $(PYTHON) -m lab.demo

# Needs debootstrap, and a kernel that lets root make namespaces.
fresh:
	lab/fresh $(TEST)

lab: setup
	@lab/isolated $(PYTHON) -m lab.shell

bench-restart: setup
	lab/isolated $(PYTHON) -m bench.restart

bench-clients: setup
	lab/isolated $(PYTHON) -m bench.clients

bench-leases: setup
	$(PYTHON) -m bench.leases

bench-status: setup
	lab/isolated $(PYTHON) -m bench.status

events-test: setup
	lab/isolated $(PYTHON) -m pytest -m slow tests/events

metrics-test: setup
	lab/setup --metrics
	lab/isolated $(PYTHON) -m pytest -m slow tests/metrics

bench-torn: setup
	lab/isolated $(PYTHON) -m bench.torn

damage-test: setup
	$(PYTHON) -m pytest -m slow tests/functional/test_damaged_lease_files.py

bench-conf: setup
	$(PYTHON) -m bench.conf

races: setup
	lab/isolated $(PYTHON) -m bench.races

# 8 pairs and a hub with 4 spokes are 21 hosts. PAIRS=3 SPOKES=2 for less.
bench-fleet: setup
	lab/isolated $(PYTHON) -m bench.fleet $(if $(PAIRS),--pairs $(PAIRS)) $(if $(SPOKES),--spokes $(SPOKES))

# 1,000 simulated minions; PAIRS=50 for less.
bench-crowd: setup
	lab/isolated $(PYTHON) -m bench.crowd $(if $(PAIRS),--pairs $(PAIRS))

# ROUNDS=1, PEER=ansible, SCENARIO=interrupted for less.
bench-peers: setup
	lab/setup --peers
	lab/isolated $(PYTHON) -m bench.peers $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(PEER),--peer $(PEER)) \
		$(if $(SCENARIO),--scenario $(SCENARIO))

peers-table: venv
	$(PYTHON) -m bench.peers.table

lint: venv
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

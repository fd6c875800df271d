"""
Real pairs under a real Salt: three hosts with systemd and dhcpd, a master, a minion on each.

Everything is up for the whole session; each test installs the relationships that it is about.
"""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import attr
import pytest
from saltfactories.daemons.minion import SaltMinion
from stage import Stage
from stage import as_installed
from stage import remove_dhcp
from stage import settled

from lab.dhcp import Dhcp
from lab.dhcp import hub as two_spokes
from lab.dhcp import pair as foo
from lab.isolation import RUN_DIR
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("dhcp-a", "dhcp-b", "dhcp-c")


def pytest_collection_modifyitems(config, items):
    here = [item for item in items if Path(item.path).is_relative_to(Path(__file__).parent)]
    if here and not is_isolated() and not config.option.collectonly:
        raise pytest.UsageError(
            "the integration tests boot hosts: run `make test`, or `lab/isolated .venv/bin/pytest`"
        )


def pytest_sessionfinish(session):
    # Salt's daemons go on logging to pytest's closed streams; its summary has to stay last.
    logging.raiseExceptions = False


@attr.s(kw_only=True, slots=True)
class HostMinion(SaltMinion):
    """A minion that runs in a host of the lab."""

    host = attr.ib()
    #: Variables of its environment.
    preload = attr.ib(factory=dict)

    def cmdline(self, *args):
        """Enter the host first."""
        variables = [f"{name}={value}" for name, value in self.preload.items()]
        return [*self.host.enter, "env", *variables, *super().cmdline(*args)]


@pytest.fixture(scope="session")
def salt_factories_default_root_dir():
    path = RUN_DIR / "salt"
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture(scope="session")
def salt_factories_config():
    return {
        "code_dir": ROOT,
        "inject_sitecustomize": False,
        "slow_stop": False,
        "start_timeout": 120,
        "python_executable": sys.executable,
    }


@pytest.fixture(scope="session")
def lab():
    with Lab(SERVERS) as up:
        yield up


@pytest.fixture(scope="session")
def file_root():
    """What a user's clone would be: the checkout without its virtual environment's many files."""
    path = RUN_DIR / "file_root"
    path.mkdir()
    for name in (
        *("_beacons", "_modules", "_output", "_runners", "_states", "_utils"),
        *("orch", "reactor"),
    ):
        (path / name).symlink_to(ROOT / name)
    return path


@pytest.fixture(scope="session")
def master(salt_factories, lab, file_root):
    daemon = salt_factories.salt_master_daemon(
        "master",
        defaults={"open_mode": True, "timeout": 5},
        overrides={
            "interface": str(lab.network.address),
            "file_roots": {"base": [str(file_root)]},
            "log_level_logfile": "info",
            "reactor": [{"dhcp_failover/request": ["salt://reactor/dhcp_failover_request.sls"]}],
            # A minute for each rollout would be nothing but waiting: what is about probation
            # (test_rollout_on_probation.py) names its own.
            "dhcp_failover": {"requests": {"allow": ["dhcp-c"]}, "probation": 1},
        },
    )
    with daemon.started():
        yield daemon


@pytest.fixture(scope="session")
def minions(master, lab):
    address = str(lab.network.address)
    found = {}
    for name in SERVERS:
        found[name] = master.salt_minion_daemon(
            name,
            factory_class=HostMinion,
            host=lab[name],
            overrides={
                "master": address,
                "log_level_logfile": "info",
                # Salt's own default: a beacon's interval is counted in these.
                "loop_interval": 1,
                "pytest-minion": {"returner_address": {"host": address}, "log": {"host": address}},
            },
        )
    with ThreadPoolExecutor(len(found) + 1) as pool:
        started = pool.map(HostMinion.start, found.values())
        synced = pool.submit(master.salt_run_cli(timeout=180).run, "saltutil.sync_all")
        assert len(list(started)) == len(found)
    assert synced.result().returncode == 0
    synced = master.salt_cli(timeout=180).run("saltutil.sync_all", minion_tgt="*")
    assert synced.returncode == 0
    yield found
    with ThreadPoolExecutor(len(found)) as pool:
        list(pool.map(HostMinion.terminate, found.values()))


@pytest.fixture(scope="session")
def installed():
    """What dhcpd is now, by key: the installation of a test serves the next one, if it is whole."""
    return {}


@pytest.fixture(autouse=True)
def install(lab, master, minions, installed):
    """
    Install relationships and watch them from then on until the test ends.

    The test fails if at any moment no server of a relationship served, unless it is about that
    (``nobody_can_serve``).
    """
    stages = []

    def install(relationships, by_journal=False, **options):
        assert not stages, "one installation for each test"
        key = repr((relationships, sorted(options.items())))
        dhcp = installed.pop(key, None)
        installed.clear()
        if dhcp is None or not as_installed(lab, dhcp):
            dhcp = Dhcp(lab.hosts, relationships, **options)
            for name, host in lab.hosts.items():
                if name not in dhcp.hosts:
                    remove_dhcp(host)
                # What the servers of earlier relationships logged is no news of these.
                host.run(["journalctl", "--quiet", "--rotate", "--vacuum-time=1ms"])
            dhcp.install()
        for name, host in dhcp.hosts.items():
            wait_until(partial(settled, host), f"systemd is through with {name}", 10.0)
        installed[key] = dhcp
        stages.append(Stage(lab, master, minions, dhcp, by_journal))
        return stages[0]

    yield install
    assert stages, "a test of this folder installs relationships, and is watched"
    try:
        assert stages[0].seen
    finally:
        stages[0].clean()


@pytest.fixture
def pair(install):
    """The pair foo: dhcp-a primary, dhcp-b secondary."""
    return install(foo())


@pytest.fixture
def hub(install):
    """The pairs foo (dhcp-a, dhcp-b) and bar (dhcp-c, dhcp-b): dhcp-b has two partners."""
    return install(two_spokes())

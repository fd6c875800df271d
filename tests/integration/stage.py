"""What a test of a real pair works with: servers, the commands of a person, what they did."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import salt.client
import salt.utils.event
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.pair.locks import ServerLocks

from lab import processes
from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import UNIT
from lab.isolation import BIN
from lab.isolation import RUN_DIR
from lab.waiting import wait_until
from lab.watcher import MUTING
from lab.watcher import SERVING
from lab.watcher import Watcher

FAILOVER_PORT = 647
ORCHESTRATION = ("state.orch", "orch.dhcp_failover_restart")
STEPS = [
    "The pair is locked",
    "Both servers are fit for it",
    "The first server is restarted",
    "The pair is normal after the first restart",
    "The second server is restarted",
    "The pair is normal after the second restart",
    "The pair is unlocked",
]
_numbers = itertools.count(1)


class Command:
    """A command of a person at the master, started; its output goes to files."""

    def __init__(self, argv):
        base = RUN_DIR / f"command-{next(_numbers)}"
        self._out, self._err = base.with_suffix(".out"), base.with_suffix(".err")
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )

    @property
    def stdout(self):
        return self._out.read_text("utf-8", "replace")

    @property
    def stderr(self):
        return self._err.read_text("utf-8", "replace")

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        """None while it runs."""
        return self._process.poll()

    def wait(self, timeout=90.0):
        """Wait for its end and return it."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"not done within {timeout} s\n{self}") from None
        return self

    def until_it_says(self, text, timeout=40.0):
        """Wait until ``text`` is in its progress (stderr)."""

        def said():
            assert self.returncode is None, f"it ended before it said {text!r}\n{self}"
            return text in self.stderr

        wait_until(said, lambda: f"it says {text!r}\n{self}", timeout)

    def press_ctrl_c(self):
        os.killpg(self.pid, signal.SIGINT)

    def end(self):
        """Kill it, if it still runs."""
        if self.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def answer(self):
        """What it returned; a runner's failure comes with an exit code around it."""
        answer = json.loads(self.stdout)
        wrapped = isinstance(answer, dict) and set(answer) == {"data", "outputter", "retcode"}
        return answer["data"] if wrapped else answer

    @property
    def answers(self):
        """What ``salt`` printed of each minion, a document for each."""
        found, text = {}, self.stdout.strip()
        while text:
            one, end = json.JSONDecoder().raw_decode(text)
            found.update(one)
            text = text[end:].strip()
        return found

    @property
    def steps(self):
        """An orchestration's steps in the order of their runs, each with ``id``."""
        (found,) = self.answer.values()
        assert isinstance(found, dict), found
        steps = sorted(found.values(), key=lambda step: step["__run_num__"])
        return [dict(step, id=step["__id__"]) for step in steps]

    def step(self, name):
        """The one step of a name."""
        (step,) = (each for each in self.steps if each["id"] == name)
        return step

    @property
    def told(self):
        """All that the person can read."""
        return self.stdout + self.stderr

    def __str__(self):
        try:
            steps = "\n".join(f"{s['id']}: {s['result']}: {s['comment']}" for s in self.steps)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
            steps = self.stdout
        return f"exit code {self.returncode}\n{steps}\n{self.stderr}"


class Stage:
    """dhcpd with some relationships, a master and minions: a test's whole world."""

    def __init__(self, lab, master, minions, dhcp, by_journal=False):
        self.lab = lab
        self.master = master
        self.minions = minions
        self.dhcp = dhcp
        self.before = self.processes()
        self._commands = []
        self._watch = Watcher(dhcp, by_journal=by_journal)
        #: Set by a test in which both are gone and it is nobody's fault here.
        self.nobody_can_serve = False
        self._watch.start()
        self._seen = None

    # -- what a person does --------------------------------------------------------------------

    def begin(self, *arguments):
        """Start ``salt-run ARGUMENTS``."""
        command = Command(
            [BIN / "salt-run", "-c", self.master.config_dir, "--out=json"] + list(arguments)
        )
        self._commands.append(command)
        return command

    def salt_run(self, *arguments, timeout=90.0):
        """``salt-run ARGUMENTS``, ended."""
        return self.begin(*arguments).wait(timeout)

    def salt(self, *arguments, timeout=90.0):
        """``salt ARGUMENTS``, ended; one JSON document for each minion."""
        command = Command(
            [BIN / "salt", "-c", self.master.config_dir, "--out=json"] + list(arguments)
        )
        self._commands.append(command)
        return command.wait(timeout)

    def begin_orchestration(self, *arguments, **pillar):
        """Start the restart of a pair."""
        given = [f"pillar={json.dumps(pillar)}"] if pillar else []
        return self.begin(*ORCHESTRATION, *given, *arguments)

    def orchestrate(self, *arguments, timeout=90.0, **pillar):
        """Restart a pair; ended."""
        return self.begin_orchestration(*arguments, **pillar).wait(timeout)

    def ask(self, server, function, *arguments, timeout=60, **named):
        """Call a function on a minion and return what it returned."""
        with salt.client.get_local_client(mopts=dict(self.master.config)) as client:
            answer = client.cmd(server, function, arguments, timeout=timeout, kwarg=named)
        assert server in answer, f"no answer from {server}"
        return answer[server]

    def answers(self, server):
        """Whether a server's minion answers now."""
        with salt.client.get_local_client(mopts=dict(self.master.config)) as client:
            return client.cmd(server, "test.ping", timeout=5) == {server: True}

    def begin_ask(self, server, function, *arguments, **named):
        """Publish a call; :meth:`answer_of` takes the returned job's answer."""
        with salt.client.get_local_client(mopts=dict(self.master.config)) as client:
            job = client.cmd_async(server, function, arguments, kwarg=named)
        assert job
        return job

    def answer_of(self, job, server, timeout=60.0):
        with salt.client.get_local_client(mopts=dict(self.master.config)) as client:
            wait_until(
                lambda: server in client.get_cache_returns(job), f"{server} answers", timeout
            )
            return client.get_cache_returns(job)[server]["ret"]

    def state(self, server, function, name, **named):
        """``state.single`` on a minion: the one result."""
        answer = self.ask(server, "state.single", function, name, **named)
        assert isinstance(answer, dict), answer
        (result,) = answer.values()
        return result

    @contextmanager
    def event_bus(self):
        """The master's event bus, listened to from now on."""
        with salt.utils.event.get_master_event(
            dict(self.master.config), self.master.config["sock_dir"], listen=True
        ) as bus:
            bus.connect_pub()
            yield bus

    # -- what happens around it ----------------------------------------------------------------

    def omapi(self, server):
        """Return a client of the OMAPI of a server's dhcpd, to be used in a ``with`` block."""
        settings = self.dhcp.omapi[server]
        return OmapiClient(self.lab[server].address, settings.port, settings.key())

    def wait_for_acknowledgements(self, name, timeout=15.0):
        """Wait until each end of a relationship has acknowledged every update of the other."""

        def missing():
            found = {}
            for server in self.dhcp.hosts:
                with self.omapi(server) as client:
                    found[server] = client.failover_state(name)["unacked"]
            return found

        wait_until(
            lambda: not any(missing().values()),
            lambda: f"every update is acknowledged at both ends, {missing()} are not",
            timeout,
        )

    def block_new_failover_connections(self, server):
        """Refuse them at a server, both ways; the one that is established stays."""
        rule = f"tcp flags & (syn | ack) == syn tcp dport {FAILOVER_PORT} reject with tcp reset"
        rules = "table ip block {\n" + "".join(
            f" chain {hook} {{ type filter hook {hook} priority 0; {rule}; }}\n"
            for hook in ("input", "output")
        )
        self.lab[server].run(["nft", "-f", "-"], stdin=rules + "}\n")

    def unblock(self, server):
        self.lab[server].run(["nft", "flush", "ruleset"])

    def silence(self, server):
        """Stop a server's minion where it is: it takes what it is asked, and says nothing."""
        processes.signal_all(self.minion_processes(server), signal.SIGSTOP)

    def wake(self, server):
        """Let it go on, and wait until it has worked off what it was asked."""
        wake(self.master, self.minions[server])

    def minion_processes(self, server):
        """All processes of a server's minion daemon."""
        pid = self.minions[server].pid
        return [pid, *processes.descendants(pid)]

    def kill_master(self):
        """Kill the master and all its workers, as a power cut would."""
        pid = self.master.pid
        processes.signal_all([pid, *processes.descendants(pid)], signal.SIGKILL)
        self.master.terminate()

    # -- what can be seen ----------------------------------------------------------------------

    def processes(self):
        """The identity of each server's only dhcpd, or what is there instead."""
        found = {name: self.dhcp.processes(name) for name in self.dhcp.hosts}
        return {name: each[0] if len(each) == 1 else tuple(each) for name, each in found.items()}

    @property
    def touched(self):
        """The servers whose dhcpd is not the one from the beginning."""
        now = self.processes()
        return sorted(name for name, process in self.before.items() if now[name] != process)

    @property
    def seen(self):
        """
        The report of the watch, which ends now: for the end of a test.

        Fails if at any moment no server of a relationship served, unless nobody could.
        """
        if self._seen is None:
            # The watch samples: what has happened since its last look is seen here.
            unserved = [one for one in self.dhcp.relationships if not self._is_served(one)]
            self._seen = self._watch.stop()
            assert not unserved, f"nobody serves at the end: {unserved}\n{self._seen}"
        assert self.nobody_can_serve or self._seen.always_served, str(self._seen)
        return self._seen

    def _is_served(self, relationship):
        """Whether a server of a relationship serves now, as the watch understands it."""
        for name in relationship.servers:
            mine, partners = self.dhcp.failover_states(name).get(relationship.name, (None, None))
            if mine in SERVING and partners not in MUTING:
                return True
        return False

    @property
    def restarts(self):
        """The servers in the order of their restarts; ends the watch."""
        return [restart.host for restart in self.seen.restarts]

    @property
    def locked(self):
        """The servers that a run has locked now, each with who has it."""
        locks = ServerLocks(self.folder / "locks")
        return {name: locks.owner(name) for name in self.dhcp.hosts if locks.owner(name)}

    def pid(self, server):
        """The number of a server's dhcpd as that host sees it."""
        return self.processes()[server].inner_pid

    @property
    def folder(self):
        """Where the master keeps the project's locks, holds and records."""
        return Path(self.master.config["cachedir"]) / "dhcp_failover"

    # -- end -----------------------------------------------------------------------------------

    def clean(self):
        """Leave nothing that the next test could stumble over."""
        for command in self._commands:
            command.end()
        clean(self.lab, self.master, self.minions)
        for name, host in self.lab.hosts.items():
            if name not in self.dhcp.hosts:
                remove_dhcp(host)


def clean(lab, master, minions):
    """No rule, no stopped process, no minion that is away, no record, claim, hold or mark."""
    if not master.is_running():
        master.start()
    for name, minion in minions.items():
        host = lab[name]
        host.run(["nft", "flush", "ruleset"])
        processes.signal_all([process.pid for process in host.processes("dhcpd")], signal.SIGCONT)
        if not minion.is_running():
            minion.start()
        wake(master, minion)
        shutil.rmtree(Path(minion.config["cachedir"]) / "dhcpd", ignore_errors=True)
    shutil.rmtree(Path(master.config["cachedir"]) / "dhcp_failover", ignore_errors=True)


def wake(master, minion):
    """Let a minion that was stopped work off what it was asked meanwhile."""
    there = [minion.pid, *processes.descendants(minion.pid)]
    stopped = any(processes.state(pid) == "T" for pid in there)
    processes.signal_all(there, signal.SIGCONT)
    if not stopped:
        return
    with salt.client.get_local_client(mopts=dict(master.config)) as client:
        wait_until(
            lambda: client.cmd(minion.id, "saltutil.running", timeout=5) == {minion.id: []},
            f"{minion.id} is through with its jobs",
            20.0,
        )


def as_installed(lab, dhcp):
    """Whether every server still is as ``dhcp.install()`` left it, so that a test may begin."""
    for name, host in lab.hosts.items():
        if name not in dhcp.hosts:
            if dhcp_is_there(host):
                return False
            continue
        files = dhcp.configuration(name)
        if any(host.run(["cat", path], check=False).stdout != files[path] for path in files):
            return False
        if len(dhcp.processes(name)) != 1:
            return False
    return dhcp.is_normal()


def dhcp_is_there(host):
    """Whether a host has a dhcpd or a configuration of it."""
    there = host.run(["test", "-e", CONFIGURATION], check=False).returncode == 0
    return there or bool(host.processes("dhcpd"))


def remove_dhcp(host):
    """Make a host one that has nothing to do with DHCP."""
    if not dhcp_is_there(host):
        return
    host.run(["systemctl", "stop", UNIT])
    processes.signal_all([process.pid for process in host.processes("dhcpd")], signal.SIGKILL)
    host.run(["rm", "-f", CONFIGURATION, COMMON])
    wait_until(lambda: not host.processes("dhcpd"), f"dhcpd of {host} ends", 10.0)


def settled(host):
    """Whether systemd is through with the last start (the init script sleeps for 2 s)."""
    state = host.run(["systemctl", "is-active", UNIT], check=False).stdout.strip()
    return state not in ("activating", "deactivating", "reloading")

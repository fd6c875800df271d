"""
dhcpd on this minion: Salt's settings for it, what is noted about it, and its facts in one dict.

Shared by the execution modules whose virtual name is ``dhcpd``. It needs Salt's dunders, which
they hand over; what it finds is decided upon in :mod:`iscdhcp`.
"""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from iscdhcp import vocabulary
from iscdhcp.act import claims as act_claims
from iscdhcp.act import here as act_here
from iscdhcp.act.service import Service
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import asking
from iscdhcp.facts import gather
from iscdhcp.facts import lease_counts
from iscdhcp.facts import lease_folder
from iscdhcp.facts import ran
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host import dhcpd_t
from iscdhcp.host import process
from iscdhcp.host.local import LOCAL
from iscdhcp.rules.verdict import parse_force
from salt.exceptions import CommandExecutionError
from salt.exceptions import SaltInvocationError


class Minion:
    """
    This minion, for the length of one call.

    salt, opts, grains, context
        The dunders of the module that is called.
    """

    #: Where dhcpd runs.
    host = LOCAL

    def __init__(self, salt, opts, grains, context):
        self.id = opts["id"]
        self._salt = salt
        self._opts = opts
        self._grains = grains
        self._context = context

    # -- settings and notes

    def config(self):
        """Return the setting ``dhcpd`` of the minion's configuration or pillar."""
        config = self._salt["config.get"]("dhcpd", {})
        if not isinstance(config, dict):
            raise CommandExecutionError(
                f"The setting dhcpd must be a dictionary, not {type(config).__name__}."
            )
        try:
            vocabulary.check_minion_settings(config)
        except IscDhcpError as err:
            raise CommandExecutionError(str(err)) from None
        return config

    def settings(self):
        """Return what of it overrides where dhcpd's facts are read."""
        config = self.config()
        known = {
            key: config[key]
            for key in ("config_file", "lease_file", "pid_file", "omapi_host")
            if config.get(key)
        }
        if "omapi_timeout" in config:
            known["omapi_timeout"] = float(config["omapi_timeout"])
        if "omapi" in config:
            known["omapi"] = self._truth("omapi", config["omapi"])
        if config.get("probe") is not None:
            known.update(self._probe(config["probe"]))
        for key in ("binaries", "log_files"):
            if config.get(key):
                values = config[key]
                known[key] = (values,) if isinstance(values, str) else tuple(values)
        last = self.notes.ran_last()
        if last is not None:
            known.update(
                ran_config_file=last.config_file,
                ran_lease_file=last.lease_file,
                ran_pid_file=last.pid_file,
            )
        known["units"] = self._units(last)
        if config.get("service"):
            known["service"] = str(config["service"])
        return Settings(**known)

    def _units(self, last):
        """Return the services that dhcpd here may be."""
        service = Service(self._salt, self._grains, self.config().get("service"), host=self.host)
        return tuple(dict.fromkeys(name for name in (last and last.unit, service.name) if name))

    @staticmethod
    def _probe(setting):
        """Return whether partners are asked, and where: ``False``, an address, or a dictionary."""
        if isinstance(setting, dict):
            return {"probe_addresses": {str(k): str(v) for k, v in setting.items()}}
        if isinstance(setting, str) and "." in setting:
            return {"probe_addresses": setting}
        return {"probe": Minion._truth("probe", setting)}

    @staticmethod
    def _truth(name, value):
        try:
            return vocabulary.truth(name, value)
        except IscDhcpError as err:
            raise CommandExecutionError(f"The setting dhcpd: {err}") from None

    def server(self):
        """Return dhcpd here as it is now: process, configuration, files."""
        return read_server(self.settings(), self.host)

    def service(self, what_ran=None):
        """Return the service by which ``what_ran``, or else what ran last, comes back."""
        config = self.config()
        name, command = config.get("service"), config.get("start_command") or ()
        last = what_ran or self.notes.ran_last()
        return Service(self._salt, self._grains, name, command, last, self.host)

    def start_problem(self, running):
        """Return why a start may not bring back what runs, or ``None``."""
        config = self.config()
        service = config.get("service")
        name = running.unit or service
        unit = self.host.unit(str(name)) if name else None
        command = config.get("start_command") or ()
        managed = not self.host.is_systemd() and self.service(running).managed
        return ran.why_not_back(running, unit, service, command, managed)

    def state_dir(self):
        """Return the folder of this minion's notes."""
        path = Path(self._opts["cachedir"]) / "dhcpd"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def notes(self):
        """What is noted about dhcpd here."""
        return act_here.Notes(self.state_dir(), self.id, self.host.clock)

    def addresses(self, loopback=True):
        """Return this host's addresses, those of the loopback included unless told otherwise."""
        return self._salt["network.ip_addrs"](include_loopback=loopback)

    def tell(self, tag, data):
        """Send an event to the master."""
        self._salt["event.send"](tag, data)

    # -- facts

    def facts(self, brief, looks=1, ask=None, alive=(), log_since=None):
        """
        Return this server's facts; ``brief`` for a wait, else all that a stop has to know.

        ask
            Relationships whose partner is asked for an address, if all looks see them normal; not
            ``None`` for the gate of a run, after which the partner may be stopped.
        alive
            Relationships whose partner is asked whether it lives.
        log_since
            Epoch seconds: what dhcpd logged since then is wanted too, if all looks see normal.
        """
        settings = self.settings()
        server = read_server(settings, self.host)
        facts = gather.gather(settings, server)
        facts["steady"] = True
        for _ in range(1, int(looks)):
            self.host.clock.sleep(act_here.LOOK_SECONDS)
            before, facts = facts, gather.gather(settings, read_server(settings, self.host))
            facts["steady"] = before["steady"] and gather.same_state(before, facts)
        notes = self.notes
        normal = [
            name
            for name, end in facts["relationships"].items()
            if (end["state"], end["partner_state"]) == ("normal", "normal")
        ]
        if ask and facts["steady"]:
            self.ask_partners(set(ask).intersection(normal), sparing=True)
        if alive:
            asking.ask_for_life(server, notes.folder, alive)
        asked, lives = asking.kept(notes.folder), asking.kept_life(notes.folder)
        for name, end in facts["relationships"].items():
            end["asked"], end["alive"] = asked.get(name), lives.get(name)
        facts["minion"] = self.id
        passed = ask is not None and facts["steady"] and bool(normal)
        if log_since is not None and facts["steady"] and normal:
            facts["logged"] = gather.logged(settings, float(log_since))
        facts["leases"] = lease_counts.kept_or_counted(server, notes.folder, not brief or passed)
        facts["boot"] = process.boot_id()
        facts["claim"] = notes.claims.current
        facts["acting"] = act_claims.is_acting(notes.folder)
        facts["last_start"] = notes.last_start
        facts["paused_by_us"] = notes.paused.read()
        facts["pending_restart"] = notes.pending_restart(server)
        if not brief:
            facts["busy"] = self._busy()
            self._look_ahead(facts, server)
            if not facts["configuration"]["error"]:
                verdict = self.host.dhcpd_verdict(server.config_file, settings.binaries[0])
                error = dhcpd_t.complaint(verdict)
                facts["configuration"]["error"] = error and self.masked(error)
        return facts

    def ask_partners(self, names=None, sparing=False):
        """Ask partners for an address, as a client would; return what they answered."""
        server, folder = self.server(), self.notes.folder
        leases = lease_counts.kept(folder, server.lease_file)
        return asking.ask_all(server, folder, leases, names, sparing)

    def _look_ahead(self, facts, server):
        """Add what a stop has to know of the start after it."""
        facts["lease_file"]["folder_problem"] = lease_folder.problem(server)
        running = None
        try:
            running = self.notes.what_runs(server)
        except OSError as err:
            facts["start_problem"] = f"what runs could not be noted ({err})"
        if running is not None:
            facts["start_problem"] = self.start_problem(running)
            signs = gather.signs(server)
            facts["process"]["signs"] = [sign.text for sign in signs if sign.blocks]
            facts["process"]["others"] = [sign.text for sign in signs if not sign.blocks]

    def _busy(self):
        """Return what state run this minion is in the middle of, other than this call's own."""
        for job in self._salt["saltutil.is_running"]("state.*"):
            if job.get("pid") != os.getpid():
                return f"{job.get('fun')} is running as PID {job.get('pid')}"
        return None

    # -- answers

    def answer(self, act, *words):
        """
        Return what an act on this server answers; the job's exit code tells of a failure.

        act
            A function of :mod:`iscdhcp.act`, which gets this object and ``words``.
        """
        try:
            answer = act(self, *words)
        except act_claims.Refused as err:
            answer = {**act_here.refused(self, str(err)), "code": err.code}
        if not answer["result"]:
            self._context["retcode"] = 1
        return answer

    def failed(self, comment, **more):
        """Return the answer of a call that failed, without secrets; the job's exit code tells."""
        self._context["retcode"] = 1
        return {**act_here.failed(self, comment), **more}

    def masked(self, text, keys=()):
        """
        Return ``text`` without key names and secrets: dhcpd's own messages quote them.

        keys
            Keys besides those of the configuration that dhcpd runs with.
        """
        configuration = self.server().configuration
        for key in (*keys, *(configuration.keys if configuration else ())):
            for word in (key.secret, key.name):
                if word:
                    text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "(a key)", text)
        return text


def no_linux():
    """Return what ``__virtual__`` says on a host that is no Linux, or ``None``."""
    if (process.PROC / "self/ns").is_dir():
        return None
    return False, "dhcpd.* works on Linux only: it reads /proc/PID/ns, which is not there"


def force_codes(force):
    """Return the codes of ``force``, which may be one string with commas."""
    try:
        return parse_force(force)
    except IscDhcpError as err:
        raise SaltInvocationError(str(err)) from err


def wire_data(given, evidence):
    """
    Return what a master has sent, which the command line may have made a string of.

    given
        Checks its shape: such as :func:`iscdhcp.rules.evidence.given`.
    """
    try:
        return given(json.loads(evidence) if isinstance(evidence, str) else evidence)
    except (ValueError, IscDhcpError) as err:
        raise SaltInvocationError(f"evidence: {err}") from err


if TYPE_CHECKING:

    def _is_what_acts_are_handed(minion: Minion) -> act_here.Here:
        return minion

"""
dhcpd on this minion: Salt's settings for it, what is noted about it, and its facts in one dict.

Shared by the execution modules whose virtual name is ``dhcpd``. It needs Salt's dunders, which
they hand over; what it finds is decided upon in :mod:`iscdhcp`.
"""

import json
import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

from iscdhcp import files
from iscdhcp import vocabulary
from iscdhcp import words
from iscdhcp.act import claims as act_claims
from iscdhcp.act import drain
from iscdhcp.act import stage as act_stage
from iscdhcp.act.service import Service
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import gather
from iscdhcp.facts import lease_counts
from iscdhcp.facts import lease_folder
from iscdhcp.facts import peers
from iscdhcp.facts import pending
from iscdhcp.facts import ran
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host import dhcpd_t
from iscdhcp.host import process
from iscdhcp.host import units
from iscdhcp.rules import may_stop
from iscdhcp.rules.verdict import parse_force
from salt.exceptions import CommandExecutionError
from salt.exceptions import SaltInvocationError

#: Seconds that the release of a claim may be on its way from a run that has ended.
RELEASE_SECONDS = 2.0
#: Seconds between two looks of one call.
LOOK_SECONDS = 0.05


class Minion:
    """
    This minion, for the length of one call.

    salt, opts, grains, context
        The dunders of the module that is called.
    """

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
        for key in ("binaries", "log_files"):
            if config.get(key):
                values = config[key]
                known[key] = (values,) if isinstance(values, str) else tuple(values)
        last = self.ran_last()
        if last is not None:
            known.update(
                ran_config_file=last.config_file,
                ran_lease_file=last.lease_file,
                ran_pid_file=last.pid_file,
            )
        known["units"] = self._units(last)
        return Settings(**known)

    def _units(self, last):
        """Return the services that dhcpd here may be."""
        service = Service(self._salt, self._grains, self.config().get("service"))
        return tuple(dict.fromkeys(name for name in (last and last.unit, service.name) if name))

    @staticmethod
    def _truth(name, value):
        try:
            return vocabulary.truth(name, value)
        except IscDhcpError as err:
            raise CommandExecutionError(f"The setting dhcpd: {err}") from None

    def server(self):
        """Return dhcpd here as it is now: process, configuration, files."""
        return read_server(self.settings())

    def service(self, what_ran=None):
        """Return the service by which ``what_ran``, or else what ran last, comes back."""
        config = self.config()
        name, command = config.get("service"), config.get("start_command") or ()
        return Service(self._salt, self._grains, name, command, what_ran or self.ran_last())

    def ran_last(self):
        """Return what is noted of the dhcpd that ran last, or ``None``."""
        return ran.Ran.from_dict(files.read_json(self.state_dir() / "ran.json"))

    def note_what_runs(self, server):
        """Note what runs now, for a start that finds nothing running; return it."""
        running = ran.of(server, self.ran_last())
        if running is not None and running != self.ran_last():
            files.write_json(self.state_dir() / "ran.json", running.as_dict())
        return running

    def start_problem(self, running):
        """Return why a start may not bring back what runs, or ``None``."""
        config = self.config()
        service = config.get("service")
        name = running.unit or service
        unit = units.read(str(name)) if name else None
        return ran.why_not_back(running, unit, service, config.get("start_command") or ())

    def another_than(self, last):
        """Return why a start by its unit would bring up another dhcpd, or ``None``."""
        if self.config().get("start_command") or not (last.unit or self.config().get("service")):
            return None
        return ran.why_another(last, units.read(self.service(last).name))

    def compared(self, last, service):
        """
        Note what runs now and compare it with ``last``; see :func:`iscdhcp.facts.ran.differences`.
        """
        now = self.note_what_runs(self.server())
        if now is None:
            return [], []
        return ran.differences(last, now, service.by_command)

    def down_or_runs(self, settings):
        """Say whether dhcpd is down here, as far as that is proved."""
        server = read_server(settings)
        if server.process is not None:
            return f"dhcpd runs on {self.id}"
        seen = [sign.text for sign in gather.signs(server) if sign.blocks]
        return f"No dhcpd is seen on {self.id}" if seen else f"dhcpd is down on {self.id}"

    def state_dir(self):
        """Return the folder of this minion's notes."""
        path = Path(self._opts["cachedir"]) / "dhcpd"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def claims(self):
        """Return who may act on dhcpd here."""
        return act_claims.Claims(self.state_dir(), self.id)

    @contextmanager
    def acting(self):
        """Hold this minion's only place for an act on dhcpd; it is freed with the process."""
        try:
            with act_claims.acting(self.state_dir(), self.id):
                yield
        except act_claims.Refused as err:
            raise CommandExecutionError(str(err)) from None

    def claimed_by_another(self, run, codes=()):
        """Return the refusal where another run has claimed this server; ``codes`` are forced."""
        claim = self.claims().current
        if claim and claim.get("run") != run and "claim" not in codes:
            return self.failed(
                f"{self.id} is claimed by {claim.get('who')} until "
                f"{words.clock(claim.get('until'))} UTC (dhcpd.release_claim frees it)",
                refused=True,
            )
        return None

    def await_release(self, run):
        """
        Wait a moment for the end of another run's claim, before an act is begun.

        A run that has just ended has ordered the release of its claims, and not waited for it.
        """
        deadline = time.monotonic() + RELEASE_SECONDS
        while time.monotonic() < deadline:
            claim = self.claims().current
            if not claim or claim.get("run") == run:
                return
            time.sleep(LOOK_SECONDS)

    def paused_note(self):
        """Return the note of what a drain or a hand-over has muted."""
        return drain.Note(self.state_dir() / "paused.json")

    def stage(self):
        """Return this server's staged configuration."""
        return act_stage.Stage(self.state_dir())

    def addresses(self):
        """Return this host's addresses, loopback included."""
        return self._salt["network.ip_addrs"](include_loopback=True)

    # -- facts

    def facts(self, brief, looks=1):
        """Return this server's facts; ``brief`` for a wait, else all that a stop has to know."""
        settings = self.settings()
        server = read_server(settings)
        facts = gather.gather(settings, server)
        facts["steady"] = True
        for _ in range(1, int(looks)):
            time.sleep(LOOK_SECONDS)
            before, facts = facts, gather.gather(settings)
            facts["steady"] = before["steady"] and gather.same_state(before, facts)
        folder = self.state_dir()
        facts["minion"] = self.id
        facts["leases"] = lease_counts.kept_or_counted(
            server, folder / "lease_counts.json", recount=not brief
        )
        facts["boot"] = process.boot_id()
        facts["claim"] = self.claims().current
        facts["acting"] = act_claims.is_acting(folder)
        facts["last_start"] = files.read_json(folder / "last_start.json")
        facts["paused_by_us"] = self.paused_note().read()
        facts["pending_restart"] = self.pending_restart(server)
        if not brief:
            facts["busy"] = self._busy()
            self._look_ahead(facts, server)
            if not facts["configuration"]["error"]:
                error = dhcpd_t.check_config(server.config_file, settings.binaries[0])
                facts["configuration"]["error"] = error and self.masked(error)
        return facts

    def _look_ahead(self, facts, server):
        """Add what a stop has to know of the start after it."""
        facts["lease_file"]["folder_problem"] = lease_folder.problem(server)
        running = None
        try:
            running = self.note_what_runs(server)
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

    def pending_restart(self, server):
        """Return why dhcpd has to be restarted, marked or by what is on disk, or ``None``."""
        running = server.process
        found = pending.pending(
            self.state_dir(),
            server.config_file,
            server.configuration.files if server.configuration else None,
            running and running.identity,
            running and running.started,
        )
        return pending.joined(files.read_json(self.state_dir() / "pending.json"), found)

    def mark_pending(self, reason):
        """Note that dhcpd should be restarted; return the note."""
        mark = {"reason": str(reason), "since": time.time()}
        files.write_json(self.state_dir() / "pending.json", mark)
        return mark

    def clear_pending(self):
        """Forget the note of :py:meth:`mark_pending`."""
        (self.state_dir() / "pending.json").unlink(missing_ok=True)

    def keep_parsed(self, server, identity, since):
        """Keep what dhcpd has parsed, to tell later whether a restart is pending."""
        pending.keep(self.state_dir(), server.config_file, identity, since)

    def peers_of(self, configuration, error):
        """Return a configuration's relationships as ``dhcpd.peers`` does."""
        report = peers.reported(configuration, error)
        if report["relationships"]:
            report["addresses"] = self._salt["network.ip_addrs"]()
        return report

    def proved(self, server):
        """Whether what was applied last has been seen to work: restarted since, and normal."""
        record = self.stage().record
        if not record or record["state"] != "applied" or server.process is None:
            return False
        if record.get("proved"):
            return True
        relationships = gather.gather(self.settings(), server)["relationships"]
        ends = relationships.values()
        before = (record.get("peers") or {}).get("relationships") or ()
        proved = (
            server.process.started > float(record.get("applied_at") or 0)
            and bool(ends)
            and set(before) <= set(relationships)
            and all((end["state"], end["partner_state"]) == ("normal", "normal") for end in ends)
        )
        if proved:
            self.stage().prove()
        return proved

    # -- verdicts and answers

    def verdict(self, evidence, force, run, method="signal", act="restart"):
        """
        Return whether dhcpd may be stopped now; ``run``'s own claim does not count.

        act
            What is wanted, for the sentence that says who may do it instead.
        """
        facts = self.facts(brief=False)
        claim = facts.get("claim")
        if claim and claim.get("run") != run:
            facts["foreign_claim"] = claim
        return may_stop.ok_to_stop(facts, evidence, force, method=method, act=act)

    def failed(self, comment, **more):
        """Return the answer of a call that failed, without secrets; the job's exit code tells."""
        self._context["retcode"] = 1
        return {"result": False, "comment": self.masked(comment), **more}

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


def force_codes(force):
    """Return the codes of ``force``, which may be one string with commas."""
    try:
        return parse_force(force)
    except IscDhcpError as err:
        raise SaltInvocationError(str(err)) from err


def decoded(evidence):
    """Return a master's evidence, which the command line may have made a string of."""
    return json.loads(evidence) if isinstance(evidence, str) else evidence

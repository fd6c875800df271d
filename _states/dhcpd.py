"""
States of ISC DHCP on one server of a failover pair.

A highstate must not restart dhcpd by itself: run on both servers at once it would take the pair
down. So :py:func:`restarted` marks the restart as pending, and
``salt-run state.orch orch.dhcp_failover_restart`` does it, one server at a time.
"""

import importlib.util
import os
import time
from contextlib import contextmanager
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import Any

from iscdhcp.act import claims
from iscdhcp.act import collecting
from iscdhcp.act import keeping
from iscdhcp.act import stage
from iscdhcp.errors import IscDhcpError
from iscdhcp.host import upgrades
from iscdhcp.rules import normal
from iscdhcp_salt.minion import no_linux as _no_linux
from salt.exceptions import CommandExecutionError
from salt.exceptions import SaltInvocationError

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__
    from iscdhcp_salt.dunders import __states__

__virtualname__ = "dhcpd"


def __virtual__():
    if "dhcpd.status" in __salt__:
        return __virtualname__
    why = _no_linux()
    return why or (False, "the execution module dhcpd is missing: run saltutil.sync_all")


def _ret(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}


# What the real file has, and the candidate beside it must not take over.
_OF_THE_REAL_FILE = ("user", "group", "mode", "attrs")
# What file.managed would do to the real file; here it is done once the check is passed.
_DONE_HERE = (
    *("backup", "replace", "show_changes", "check_cmd", "tmp_dir", "tmp_ext", "create"),
    *("makedirs", "dir_mode"),
)
_CONTENTS = ("source", "contents", "contents_pillar", "contents_grains")


def config(name, **managed):
    """
    Have a configuration file of dhcpd as wanted: checked before it replaces anything.

    .. versionadded:: 0.1.0

    It takes the arguments of ``file.managed`` (``source``, ``contents``, ``contents_pillar``,
    ``template``, ``defaults``, ``context``, ``source_hash``, ``user``, ``group``, ``mode``,
    ``makedirs``...), so in an existing state file only the function's name changes. The new file is
    made beside the old one and checked there together with all other files of the configuration.
    The old one is kept as ``FILE.backup-TIME``; owner and mode stay unless they are given.

    dhcpd is never restarted: where something that matters has changed, or a ``watch`` fires, the
    restart is marked as pending, and ``salt-run state.orch orch.dhcp_failover_restart`` does it.
    ``orch.dhcp_failover_rollout`` does both, one server after the other.

    name
        dhcpd's main file, or one that it includes.

    .. code-block:: yaml

        /etc/dhcp/dhcpd.conf:
          dhcpd.config:
            - source: salt://dhcp/dhcpd.conf.jinja
            - template: jinja
    """
    given = [key for key in _CONTENTS if managed.get(key) is not None]
    if not given:
        return _ret(name, False, f"{name}: give the contents by one of {', '.join(_CONTENTS)}.")
    missing = _missing_folders(name) if managed.get("makedirs") else []
    if missing and __opts__["test"] and not collecting.is_collecting():
        comment = f"{missing[-1]} and {name} would be made."
        return _ret(name, None, comment, dict.fromkeys(missing, "would be made"))
    if missing and not collecting.is_collecting():
        owner = {key: managed.get(key) for key in ("user", "group")}
        __salt__["file.makedirs"](name, mode=managed.get("dir_mode"), **owner)
    ret = _config(name, managed)
    if missing and ret["result"] is False:
        for folder in reversed(missing):
            with suppress(OSError):
                os.rmdir(folder)
    return ret


def _missing_folders(name):
    """Return the folders above a file that are not there, the outermost first."""
    missing = []
    folder = os.path.dirname(name)
    while folder and not os.path.isdir(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return missing


def _config(name, managed):
    candidate = None
    try:
        candidate = stage.candidate_beside(name)
        made = _made(candidate, managed)
        if made["result"] is False or not os.path.exists(candidate):
            why = _first_line(made.get("comment")).replace(candidate, name)
            return _ret(name, False, f"{name} was not changed: {why}")
        if collecting.is_collecting():
            collecting.collect(name, candidate)
            candidate = None
            return _ret(name, None, f"{name} is collected for a rollout.")
        return _replaced(name, candidate, managed)
    except (IscDhcpError, CommandExecutionError, OSError) as err:
        return _ret(name, False, f"{name} was not changed: {err}")
    finally:
        if candidate:
            with suppress(OSError):
                os.unlink(candidate)


def _replaced(name, candidate, managed):
    done = __salt__["dhcpd.put_config"](candidate, name, test=__opts__["test"])
    if not done["result"]:
        return _ret(name, False, done["comment"])
    changes = {"diff": done["diff"]} if done["diff"] else {}
    ret = _ret(name, True, done["comment"], changes)
    if done["why"]:
        ret["comment"] += f" A restart is pending then: {done['why']}."
    if done.get("findings"):
        ret["comment"] += f" Note: {'; '.join(done['findings'])}."
    wanted = {key: managed[key] for key in ("user", "group", "mode") if managed.get(key)}
    if wanted and os.path.exists(name):
        mode = __salt__["config.manage_mode"](wanted.get("mode"))
        perms, _ = __salt__["file.check_perms"](
            name, None, wanted.get("user"), wanted.get("group"), mode
        )
        ret["changes"].update(perms.get("changes") or {})
        if perms["result"] is False:
            ret.update(result=False, comment=f"{ret['comment']} {perms['comment']}")
    if __opts__["test"] and ret["changes"] and ret["result"]:
        ret["result"] = None
    return ret


def _made(candidate, managed):
    """Have ``file.managed`` make the candidate; return what it says."""
    apart = (*_OF_THE_REAL_FILE, *_DONE_HERE)
    wanted = {key: value for key, value in managed.items() if key not in apart}
    try:
        with _for_real():
            return __states__["file.managed"](candidate, mode="0600", show_changes=False, **wanted)
    except Exception as err:  # pylint: disable=broad-except
        # A template that can't be rendered; what follows the first line quotes it, keys and all.
        return {"result": False, "comment": str(err)}


@contextmanager
def _for_real():
    """
    Have ``file.managed`` write the candidate also where the run is a test.

    The loader's options count, for every state that it calls (salt/loader/lazy.py, LoadedFunc).
    """
    opts = __states__["file.managed"].loader.opts
    test = opts["test"]
    opts["test"] = False
    try:
        yield
    finally:
        opts["test"] = test


def _first_line(comment):
    return next(iter(str(comment or "").splitlines()), "") or "file.managed did not say why"


def running(name, enable=None):
    """
    Have dhcpd running; one that runs is left as it is, whatever has changed.

    .. versionadded:: 0.1.0

    It starts a server that is down, and never restarts one: a ``watch`` marks the restart as
    pending. Where none is seen and something speaks for one all the same (its unit has a living
    main process, its ports are held), it fails and says who that is. It fails too while a run has
    claimed the server, and says which: that run has stopped dhcpd, or is about to, and starts it
    again itself.

    name
        Anything.
    enable
        Whether the service starts at boot; by default that is left as it is.

    .. code-block:: yaml

        dhcpd:
          dhcpd.running:
            - enable: True
            - watch:
              - dhcpd: /etc/dhcp/dhcpd.conf
    """
    try:
        facts = __salt__["dhcpd.status"]()
        changes: dict[str, Any] = {}
        comments = []
        if facts["process"]["running"]:
            comments.append(f"dhcpd runs (pid {facts['process']['pid']}).")
        elif facts["process"]["signs"]:
            told = "; ".join(facts["process"]["signs"])
            text = f"No dhcpd is seen, and yet {told}: nothing was started."
            return _ret(name, False, text)
        elif __opts__["test"] and facts["claim"]:
            held = claims.by_another(facts["minion"] or "this server", facts["claim"])
            return _ret(name, False, f"dhcpd would not be started: {held}.")
        elif __opts__["test"]:
            changes["dhcpd"] = "would be started"
            comments.append("dhcpd would be started.")
        else:
            done = __salt__["dhcpd.start"]()
            comments.append(done["comment"])
            if not done["result"]:
                return _ret(name, False, done["comment"])
            changes["dhcpd"] = {"old": None, "new": done["new"]}
        service = (facts.get("service") or {}).get("name")
        if enable is not None and service:
            enabled = __salt__["service.enabled"](service)
            if bool(enabled) != bool(enable):
                changes["enabled"] = {"old": bool(enabled), "new": bool(enable)}
                if not __opts__["test"]:
                    __salt__["service.enable" if enable else "service.disable"](service)
    except (CommandExecutionError, SaltInvocationError) as err:
        return _ret(name, False, str(err))
    result = None if __opts__["test"] and changes else True
    return _ret(name, result, " ".join(comments), changes)


def mod_watch(name, sfun=None, **kwargs):
    """
    Mark the restart as pending where something that is watched has changed; never restart.

    .. versionadded:: 0.1.0

    A highstate of both servers would otherwise take the pair down.
    """
    if sfun in ("config", "running", "restarted"):
        return _mark(name if sfun == "restarted" else f"something that {name} watches has changed")
    return _ret(name, True, f"dhcpd.{sfun} does nothing on watch.")


def restarted(name, now=False, method="signal", force=None, busy_timeout=0):
    """
    Have dhcpd restarted when it is safe.

    .. versionadded:: 0.1.0

    By itself it restarts nothing: it marks the restart as pending (``dhcpd.status`` and
    ``dhcp_failover.status`` show it) for the next run of the orchestration.

    name
        The reason, shown as pending.
    now
        Restart in this very call, guarded: refused unless every relationship is normal at both
        ends and this server is secondary in all of them. For any other server there is
        ``salt-run dhcp_failover.restart server=ID`` on the master.
    method
        ``signal``, ``drain``, ``handover`` or ``control`` (see
        ``dhcpd.restart``).
    force
        Codes of the guard's reasons to override.
    busy_timeout
        Seconds to wait where another state run on this minion stands against it.

    .. code-block:: yaml

        new lease times:
          dhcpd.restarted:
            - onchanges:
              - file: /etc/dhcp/dhcpd.conf
    """
    try:
        return _restart(name, method, force, busy_timeout) if now else _mark(name)
    except (CommandExecutionError, SaltInvocationError) as err:
        return _ret(name, False, str(err))


def _mark(name):
    facts = __salt__["dhcpd.status"](brief=True)
    pending = facts.get("pending_restart")
    how = "salt-run state.orch orch.dhcp_failover_restart does it, one server at a time"
    if pending and pending.get("reason") == name:
        return _ret(name, True, f"The restart is pending already; {how}.")
    changes = {"pending_restart": {"old": pending and pending.get("reason"), "new": name}}
    if __opts__["test"]:
        return _ret(name, None, f"The restart would be marked as pending; {how}.", changes)
    __salt__["dhcpd.mark_pending"](name)
    return _ret(name, True, f"The restart is pending: nothing was restarted; {how}.", changes)


def _restart(name, method, force, busy_timeout):
    deadline = time.monotonic() + float(busy_timeout)
    while True:
        verdict = __salt__["dhcpd.ok_to_stop"](force=force)
        blocking = {reason["code"] for reason in verdict["reasons"] if reason["blocks"]}
        if blocking != {"busy"} or time.monotonic() >= deadline:
            break
        time.sleep(1.0)
    if not verdict["result"]:
        return _ret(name, False, f"dhcpd was not restarted: {verdict['comment']}")
    if __opts__["test"]:
        return _ret(
            name, None, f"dhcpd would be restarted by {method}.", {"dhcpd": "would be restarted"}
        )
    done = __salt__["dhcpd.restart"](method=method, force=force)
    changes = {"dhcpd": {"old": done["old"], "new": done["new"]}} if done["result"] else {}
    return _ret(name, done["result"], done["comment"], changes)


def failover_normal(name, relationship=None, timeout=0):
    """
    Have failover relationships normal at both ends; a check, with a short wait if wanted.

    .. versionadded:: 0.1.0

    name
        Anything; the relationship's name if ``relationship`` is not given and it is one.
    relationship
        Only this relationship; default: all of this server.
    timeout
        Seconds to wait for it. For long waits use ``salt-run dhcp_failover.wait_normal``: a
        minion that waits holds back its other states.

    .. code-block:: yaml

        foo:
          dhcpd.failover_normal
    """
    deadline = time.monotonic() + float(timeout)
    while True:
        try:
            states = __salt__["dhcpd.failover_state"]()
        except CommandExecutionError as err:
            return _ret(name, False, str(err))
        ends, wrong = normal.chosen(states, relationship, name)
        if wrong:
            return _ret(name, False, wrong)
        bad = normal.not_normal(ends)
        if not bad or __opts__["test"] or time.monotonic() >= deadline:
            break
        time.sleep(0.5)
    result = True if not bad else None if __opts__["test"] and float(timeout) else False
    return _ret(name, result, f"{normal.told(bad or ends)}.")


def leases_intact(name, repair=False):
    """
    Have the lease file whole: no torn or damaged entry.

    .. versionadded:: 0.1.0

    name
        Anything.
    repair
        Cut what is damaged (``dhcpd.repair_leases``); only possible while dhcpd is down.

    .. code-block:: yaml

        the leases are whole:
          dhcpd.leases_intact
    """
    found = __salt__["dhcpd.check_leases"]()
    if found["result"]:
        return _ret(name, True, found["comment"])
    if not repair:
        return _ret(name, False, found["comment"])
    done = __salt__["dhcpd.repair_leases"](test=__opts__["test"])
    changes = {"cut": done.get("cut"), "salvaged": done.get("salvaged")} if done["result"] else {}
    result = None if done["result"] and __opts__["test"] else done["result"]
    return _ret(name, result, done["comment"], changes)


def metrics_file(name, count_age=0):
    """
    Have a file of metrics for node_exporter's textfile collector, written now.

    .. versionadded:: 0.1.0

    It is as new as the last run of this state: a schedule keeps it so (``docs/events.md``).

    name
        The file, such as ``/var/lib/prometheus/node-exporter/dhcpd.prom``.
    count_age
        Seconds that an earlier count of leases may be old to be used again.

    .. code-block:: yaml

        /var/lib/prometheus/node-exporter/dhcpd.prom:
          dhcpd.metrics_file
    """
    if __opts__["test"]:
        there = __salt__["file.file_exists"](name)
        changes = {} if there else {"file": {"old": None, "new": name}}
        return _ret(name, True if there else None, f"{name} would be written.", changes)
    done = __salt__["dhcpd.write_metrics"](name, count_age=count_age)
    changes = {"file": {"old": None, "new": name}} if done.get("new") else {}
    return _ret(name, done["result"], done["comment"], changes)


def omapi_library(name):
    """
    Have the Python library ``pypureomapi`` installed for this minion, by its own pip.

    .. versionadded:: 0.1.0

    Nothing needs it: without it states are proved by dhcpd's log. With it they are proved by OMAPI,
    where dhcpd.conf has an ``omapi-port``, and the methods ``drain`` and ``handover`` work.

    name
        What pip is given: ``pypureomapi``, with a version (``pypureomapi==1.1``) or a path.

    .. code-block:: yaml

        pypureomapi:
          dhcpd.omapi_library
    """
    if "pip.install" not in __salt__:
        return _ret(name, False, "Salt's module pip is missing on this minion.")
    if importlib.util.find_spec("pypureomapi") is not None:
        return _ret(name, True, "pypureomapi is installed.")
    if __opts__["test"]:
        return _ret(name, None, f"{name} would be installed.")
    done = __salt__["pip.install"](name)
    importlib.invalidate_caches()
    if importlib.util.find_spec("pypureomapi") is None:
        why = (done.get("stderr") or done.get("stdout") or "").strip().splitlines()
        return _ret(name, False, f"{name} was not installed: {why[-1] if why else 'unknown'}")
    return _ret(name, True, f"{name} installed.", {"pypureomapi": "installed"})


def kept_from_upgrades(name, services=None):
    """
    Keep package upgrades from restarting dhcpd, on Debian and its kin.

    .. versionadded:: 0.1.0

    A new package restarts dhcpd (its postinst, by ``invoke-rc.d``), and so does needrestart where
    libraries are new; with unattended-upgrades both servers of a pair in one night. This writes a
    ``/usr/sbin/policy-rc.d`` that denies packages the restart (somebody else's is left alone), and
    an override of needrestart's. The new program runs from the next restart on:
    ``dhcp_failover.restart``.

    name
        Whatever the state is called.
    services
        Services of dhcpd besides the package's own (``isc-dhcp-server``), as a list.

    .. code-block:: yaml

        dhcpd is restarted by dhcp_failover only:
          dhcpd.kept_from_upgrades
    """
    chosen = [services] if isinstance(services, str) else list(services or ())
    try:
        files = keeping.wanted({*chosen, upgrades.PACKAGE})
    except IscDhcpError as err:
        return _ret(name, False, f"Package upgrades may restart dhcpd: {err}.")
    if not files:
        return _ret(name, True, "Package upgrades leave dhcpd alone.")
    told = ", ".join(sorted(files))
    if __opts__["test"]:
        return _ret(name, None, f"{told} would be written.", {"files": sorted(files)})
    try:
        keeping.write(files)
    except OSError as err:
        return _ret(name, False, f"{err.filename or told}: {err.strerror or err}.")
    return _ret(name, True, f"{told} written.", {"files": sorted(files)})

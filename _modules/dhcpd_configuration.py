"""
The configuration of an ISC DHCP server: checked, compared, staged, put in place.

More functions of the execution module ``dhcpd``. None of them restarts dhcpd.
"""

import re
from typing import TYPE_CHECKING

from iscdhcp import files as dhcp_files
from iscdhcp.act import collecting
from iscdhcp.act import configuring
from iscdhcp.act import previous as act_previous
from iscdhcp.act import stage as act_stage
from iscdhcp.conf import compare
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.errors import IscDhcpError
from iscdhcp.errors import StagingError
from iscdhcp.rules import origins
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import no_linux as _no_linux
from salt.exceptions import CommandExecutionError

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __grains__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__

__virtualname__ = "dhcpd"


def __virtual__():
    return _no_linux() or __virtualname__


def _here():
    return Minion(__salt__, __opts__, __grains__, __context__)


def check_config(file=None):
    """
    Check a configuration: dhcpd's own verdict (``dhcpd -t``), and what it lets pass.

    .. versionadded:: 0.1.0

    file
        Default: the one that dhcpd runs with. A candidate has to lie where dhcpd may read it
        (AppArmor and SELinux allow ``/etc/dhcp``).

    Returns ``result`` (False with any error, and where dhcpd does not accept it), ``comment`` (the
    first error with file and line), ``file``, ``dhcpd`` (``verdict``: ``accepted``, ``refused``,
    ``crashed`` or ``unknown``; ``exit_code``; ``said``) and ``findings`` (each with ``severity``,
    ``code``, ``file``, ``line``, ``what`` it means, ``fix``), the worst first.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.check_config
        salt dhcp-a dhcpd.check_config /etc/dhcp/dhcpd.conf.new
    """
    return _here().answer(configuring.check, file)


def normal_form(nonce, relationship=None, digest_only=False):
    """
    Return what has to be equal on both partners, as data that shows no key; for the runner's
    ``dhcp_failover.drift``.

    .. versionadded:: 0.1.0

    Included files stand in their place, comments and the server's own role and addresses are gone,
    what dhcpd takes in any order is sorted. A key is a token made with the nonce.

    nonce
        A fresh random text of the caller, the same for both partners.
    relationship
        Leave out networks that are only shared with other partners.
    digest_only
        Only ``digest`` and ``relationships``.

    Returns ``digest``, ``nodes``, ``ordered``, ``file`` and ``relationships`` (role, addresses and
    ports, which have to fit crosswise).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.normal_form 5f1c2e digest_only=True
    """
    here = _here()
    server = here.server()
    path = server.config_file
    try:
        tree = syntax.parse_file(path, locate=server.where.located)
        configuration = views.views(tree)
        form = normal.normal_form(tree, str(nonce), relationship)
    except IscDhcpError as err:
        raise CommandExecutionError(here.masked(str(err))) from err
    if digest_only:
        form = {"digest": form["digest"]}
    ends = {one.name: compare.relationship_facts(one) for one in configuration.relationships}
    return {**form, "file": path, "relationships": ends}


def put_config(candidate, config_file=None, test=False):
    """
    Replace a configuration file by a candidate, once it is checked; restarts nothing.

    .. versionadded:: 0.1.0

    The old file is kept beside it (``FILE.backup-TIME``), owner and mode stay. A restart that is
    needed is marked as pending.

    candidate
        Path of the new contents on this server.
    config_file
        The file to replace: dhcpd's main file (the default) or one that it includes.
    test
        Check and show only.

    Returns ``result``, ``comment``, ``diff`` (keys and secrets masked), ``backup``, ``why`` (a
    restart is needed; ``None`` where nothing that matters changes) and ``findings`` (sentences:
    what is new of what :py:func:`check_config` finds).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.put_config /etc/dhcp/dhcpd.conf.new
        salt dhcp-a dhcpd.put_config /srv/pools.conf /etc/dhcp/pools.conf test=True
    """
    return _here().answer(configuring.put, str(candidate), config_file, bool(test))


def stage(
    run="by-hand",
    source=None,
    contents_pillar=None,
    sls=None,
    file=None,
    template=None,
    saltenv="base",
    test=False,
    previous=None,
    probation=None,
):
    """
    Fetch this server's new configuration, check it, and keep it beside the old one.

    .. versionadded:: 0.1.0

    Nothing is put in place: :py:func:`apply_staged`, or :py:func:`restart` with ``staged``, does.
    Give one of ``source``, ``contents_pillar``, ``sls`` and ``file``; without any, the setting
    ``dhcpd:rollout`` (a dictionary of them, in pillar or minion configuration) counts.

    run
        Who stages: what another run staged can't be applied.
    source
        Where the main file comes from (``salt://...``, as ``file.managed`` knows it; ``{{ minion
        }}`` stands for this minion's id), or a dictionary of files and their sources.
    contents_pillar
        Key in this minion's pillar that holds the main file, or a dictionary of files and keys.
    sls
        State file(s) of yours with ``dhcpd.config`` states. They are run with ``test=True``, so
        that nothing else in them acts.
    file
        Path of a file on this server, or a dictionary of files and paths.
    template
        As in ``file.managed``, for ``source`` and ``contents_pillar``.
    saltenv
        Salt environment of ``source`` and ``sls``.
    test
        Check and compare only, keep nothing.
    previous
        Instead of all these: the run that put this server's files in place last, which gets the
        files from before it back. After another run's there is nothing to get back.
    probation
        By minion id: seconds that the new files have to run there before they count as proved. What
        is staged before that does not make them the ones that :py:func:`roll_back` brings back.

    Returns ``result``, ``comment``, ``files`` (by path: the diff, secrets masked), ``why`` (a
    restart is needed, or ``None``), ``findings`` (sentences: what is new of what
    :py:func:`check_config` finds), ``forgotten`` (``leases`` that clients have and no new range
    holds, ``named``: the first addresses, or why they are ``unknown``; ``None`` where no restart is
    needed), ``peers`` (what :py:func:`peers` says now) and ``new_peers`` (what it would say).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.stage source=salt://dhcp/dhcp-b.conf test=True
        salt dhcp-b dhcpd.stage sls=dhcp.config
    """
    here = _here()
    wanted = {"source": source, "contents_pillar": contents_pillar, "sls": sls, "file": file}
    wanted = {key: value for key, value in wanted.items() if value}
    if not wanted and not previous:
        defaults = here.config().get("rollout") or {}
        wanted = {key: defaults[key] for key in origins.ORIGINS if defaults.get(key)}
        template = template or defaults.get("template")
        saltenv = defaults.get("saltenv") or saltenv
    server = here.server()
    main = server.config_file
    candidates, told = {}, []
    seconds = float((probation or {}).get(here.id) or 0.0)
    taken = None if previous is None else str(previous)
    try:
        if taken is None:
            origins.check_origins(wanted)
            candidates = _fetched(here, main, wanted, template, saltenv)
        else:
            candidates, told = act_previous.candidates(here, main, taken)
        answer = here.answer(
            configuring.put_on_stage, server, str(run), candidates, bool(test), seconds, taken
        )
        if told and answer.get("result"):
            answer["findings"] = [*answer["findings"], *told]
        return answer
    except (IscDhcpError, OSError) as err:
        return here.failed(f"{here.id}: {err}")
    finally:
        configuring.discard(candidates.values())


def _fetched(here, main, wanted, template, saltenv):
    """Return candidates for what a rollout names: by target, each beside it."""
    ((kind, what),) = wanted.items()
    if kind == "file":
        found = {}
        for target, path in origins.by_target(what, main).items():
            found[target] = act_stage.candidate_beside(target)
            dhcp_files.copy(path, found[target])
        return found
    with collecting.collecting(here.state_dir() / "collected") as found:
        if kind == "sls":
            results = __salt__["state.sls"](what, saltenv=saltenv, test=True, concurrent=True)
            _raise_failed(results, f"the state file {what}")
        else:
            for target, one in origins.by_target(what, main).items():
                managed = {kind: _for_this_minion(here, one), "saltenv": saltenv}
                if template:
                    managed["template"] = template
                results = __salt__["state.single"](
                    "dhcpd.config", target, test=True, concurrent=True, **managed
                )
                _raise_failed(results, f"{kind} of {target}")
    __context__.pop("retcode", None)
    if not found:
        raise StagingError(
            f"the state file {what} has no dhcpd.config state for this server; it takes the "
            "arguments of file.managed, so the name of the function is all that has to change"
        )
    return found


def _for_this_minion(here, source):
    if isinstance(source, str):
        return re.sub(r"\{\{\s*minion\s*\}\}", here.id, source)
    return source


def _raise_failed(results, what):
    """Raise what went wrong in a state run that was to give candidates."""
    if not isinstance(results, dict):
        text = "; ".join(map(str, results)) if isinstance(results, list) else str(results)
        raise StagingError(f"{what}: {_told(text)}")
    failed = [
        _told(one.get("comment"))
        for tag, one in results.items()
        if tag.startswith("dhcpd_|-") and tag.endswith("_|-config") and one.get("result") is False
    ]
    if failed:
        raise StagingError(f"{what}: {'; '.join(failed)}")


def _told(comment):
    """Return what a state said as one line; the lines of a template may hold a secret."""
    lines = [line.strip() for line in str(comment or "").splitlines() if line.strip()]
    if not lines:
        return "it failed"
    return lines[-1 if "Traceback" in str(comment) else 0]


def staged():
    """
    Show what is staged here, or was put in place last.

    .. versionadded:: 0.1.0

    Returns ``run``, ``main``, ``state`` (``staged``, ``applied``, ``rolled-back``) and ``files``
    (by path: ``staged``, ``backup``, ``existed``), or ``None``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.staged
    """
    here = _here()
    return here.notes.stage.record


def unstage(run=None):
    """
    Remove what is staged and was not put in place.

    .. versionadded:: 0.1.0

    run
        Only what this run has staged.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.unstage
    """
    here = _here()
    record = here.notes.stage.record
    if record and run in (None, record["run"]):
        here.notes.stage.clear()
    return {"result": True, "comment": f"Nothing is staged on {here.id}."}


def apply_staged(run=None):
    """
    Put the staged files in place, backups first; restarts nothing.

    .. versionadded:: 0.1.0

    run
        The run that has staged them; without it, any.

    Returns ``result``, ``comment``, ``files`` (replaced now; none where they are in place already).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.apply_staged
    """
    return _here().answer(configuring.apply, run)

"""
The lease file of an ISC DHCP server: checked, counted, repaired, completed by the partner's.

More functions of the execution module ``dhcpd``.
"""

from typing import TYPE_CHECKING

from iscdhcp.act import lease_file as lease_file_acts
from iscdhcp.act import recovering
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import lease_counts as facts_lease_counts
from iscdhcp.leases import check
from iscdhcp.leases import from_partner
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


def check_leases(lease_file=None):
    """
    Check the whole lease file for torn and damaged entries; changes nothing.

    .. versionadded:: 0.1.0

    ``dhcpd -t`` and ``-T`` do not see them, and a torn last entry erases the good one before it of
    the same address at the next start.

    lease_file
        Default: the one that dhcpd uses.

    Returns ``result``, ``comment``, ``file``, ``bytes``, ``entries``, ``problems`` (``offset``,
    ``line``, ``address``, ``what``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.check_leases
    """
    here = _here()
    path = lease_file or here.server().lease_file
    try:
        found = check.check(path)
    except IscDhcpError as err:
        return here.failed(str(err), file=path)
    if not found["whole"]:
        first = found["problems"][0]
        return here.failed(
            f"{path}:{first['line']}: {first['what']} ({len(found['problems'])} in all); stop "
            "dhcpd, then dhcpd.repair_leases",
            **found,
        )
    return {"result": True, "comment": f"{path} is whole.", **found}


def lease_counts(lease_file=None):
    """
    Count the addresses of each pool by state, as dhcpd means them.

    .. versionadded:: 0.1.0

    lease_file
        Default: the one that dhcpd uses.

    Returns ``file``, ``entries``, ``pools`` (each with ``relationship``, ``network``,
    ``addresses``, ``free``, ``backup`` (the secondary's free ones), ``active``, ``expired``,
    ``released``, ``abandoned``, ``reset`` ...) and ``outside`` (entries in no pool). The beacon
    goes by the last counts of dhcpd's own file.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.lease_counts
    """
    here = _here()
    server = here.server()
    if server.configuration is None:
        raise CommandExecutionError(server.configuration_error)
    try:
        counts = facts_lease_counts.count(server, lease_file)
        if lease_file is None:
            facts_lease_counts.keep(here.state_dir(), facts_lease_counts.of_counts(server, counts))
    except IscDhcpError as err:
        raise CommandExecutionError(str(err)) from err
    names = facts_lease_counts.relationship_of_pools(server)
    pools = [
        {**pool, "relationship": name} for name, pool in zip(names, counts["pools"], strict=True)
    ]
    return {**counts, "pools": pools}


def repair_leases(lease_file=None, test=False):
    """
    Cut torn and damaged entries out of the lease file, nothing else; only while dhcpd is down.

    .. versionadded:: 0.1.0

    The old file is kept beside it. What dhcpd's own copy (``dhcpd.leases~``) still knows of a cut
    address is brought back, where it is whole and not older.

    lease_file
        Default: the one that dhcpd uses.
    test
        Say what would be done and change nothing.

    Returns ``result``, ``comment``, ``cut``, ``salvaged``, ``lost`` (addresses that only the
    partner may know), ``backup``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.repair_leases test=True
        salt dhcp-a dhcpd.repair_leases
    """
    return _here().answer(lease_file_acts.repair, lease_file, bool(test))


def lease_entries(addresses, lease_file=None):
    """
    Return the last entry of each address in the lease file, for a partner that has lost it.

    .. versionadded:: 0.1.0

    addresses
        A list, or one string with commas between them.
    lease_file
        Default: the one that dhcpd uses.

    Returns ``{address: entry}``: ``text`` (as dhcpd wrote it), ``line``, ``state``, ``starts``,
    ``ends``, ``cltt`` (UTC epoch seconds), ``hardware``, ``uid``, ``client_hostname``; ``None``
    where the file has no whole entry of it.

    Errors: an unreadable lease file, something that is no IPv4 address.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.lease_entries 192.0.2.20,192.0.2.21
    """
    here = _here()
    if isinstance(addresses, str):
        addresses = [word.strip() for word in addresses.split(",") if word.strip()]
    try:
        return from_partner.entry_facts(lease_file or here.server().lease_file, addresses)
    except IscDhcpError as err:
        raise CommandExecutionError(str(err)) from err


def recover_leases(known, run=None):
    """
    Have dhcpd fetch every lease from its partner at its next start; only while it is down.

    .. versionadded:: 0.1.0

    For a lease file that is older than what the partner knows (a backup, a snapshot,
    ``dhcpd.leases~``): ``my state recover`` is appended to it. It answers nobody until MCLT has
    passed since it may have given a lease that only the lost file knew; if our own record says that
    it ended with nothing unacknowledged, there is none. ``dhcp_failover.bring_back`` does this.

    known
        By relationship: the last transaction with a client that its partner has (UTC epoch
        seconds), or ``None``.
    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.recover_leases '{foo: null}'
    """
    return _here().answer(recovering.recover, dict(known), run)


def add_lease_entries(entries):
    """
    Append entries to the lease file, for ``dhcp_failover.repair_leases``; only while dhcpd is down.

    .. versionadded:: 0.1.0

    entries
        By address: the text of one whole lease entry of it.

    Returns ``result``, ``comment``; the file is as it was where it fails.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.add_lease_entries '{192.0.2.20: "lease 192.0.2.20 {...}"}'
    """
    return _here().answer(lease_file_acts.add, entries)

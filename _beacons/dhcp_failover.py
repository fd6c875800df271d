"""
Beacon: an event on each change of an ISC DHCP server's failover states.

.. code-block:: yaml

    beacons:
      dhcp_failover:
        - interval: 30          # seconds; the only setting

    salt '*' beacons.add dhcp_failover '[{"interval": 30}]'

The events' tags begin with ``salt/beacon/MINION/dhcp_failover/``; each has ``id`` and ``text``, a
sentence. NAME is the relationship's, with anything but letters, digits, ``_`` and ``-`` as ``%``
and its number.

=============================== =============================================================
``process``                     dhcpd ended, started or was restarted: ``running``, ``pid``
``NAME/state``                  ``state``, ``partner_state``, ``old_state``,
                                ``old_partner_state``, ``since``, ``serves``, ``role``, ``source``
``NAME/stuck``                  a state that should pass lasts too long: ``state``, ``since``
``NAME/sticky``                 paused, shutdown or unknown-state, which no restart ends
``NAME/unknown``                its state could not be read twice in a row
``NAME/free_leases_low/FIRST``  this server's own free leases of a pool are below 5 %
``pending_restart``             a restart was marked as pending, or files are newer than dhcpd
=============================== =============================================================

All but the first two come with ``active``: true when it begins, false when it is over. Each change
is told once, over restarts of the minion too. Counts of leases are those of the last
``dhcpd.metrics`` or ``dhcpd.lease_counts`` on the minion (``docs/events.md`` has a schedule).

It runs in the minion's main loop: a look takes some milliseconds, and at most half a second where
dhcpd hangs. It reads no lease file.
"""

import logging
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    __salt__: dict[str, Any]

log = logging.getLogger(__name__)

__virtualname__ = "dhcp_failover"

#: What Salt itself puts into a beacon's configuration or understands there.
KNOWN = {
    "interval",
    "enabled",
    "disable_during_state_run",
    "run_once",
    "beacon_module",
    "_beacon_name",
}


def __virtual__():
    return __virtualname__


def validate(config):
    """
    Return whether the configuration is one, and a sentence.

    .. versionadded:: 0.1.0
    """
    if not isinstance(config, list) or not all(isinstance(one, dict) for one in config):
        return False, "dhcp_failover: the configuration must be a list: [{interval: 30}]"
    settings = {key: value for one in config for key, value in one.items()}
    unknown = sorted(str(key) for key in set(settings) - KNOWN)
    if unknown:
        return False, f"dhcp_failover: {', '.join(unknown)} is no setting; there is only interval"
    interval = settings.get("interval", 1)
    if isinstance(interval, bool) or not isinstance(interval, (int, float)) or interval <= 0:
        return False, f"dhcp_failover: interval must be seconds, not {interval!r}"
    return True, "Valid beacon configuration"


def beacon(config):
    """
    Return the events since the last round.

    .. versionadded:: 0.1.0
    """
    # Beacons can't import the project's library: the execution module looks (salt/loader, beacons).
    look = __salt__.get("dhcpd.news")
    if look is None:
        log.debug("dhcp_failover: the execution module dhcpd is not synced yet")
        return []
    return look(remember=True)

#!py
"""
Reaction to the beacon's pending_restart: the pair is restarted once it is pending on both servers.

The state dhcpd.restarted marks a restart as pending, in a highstate for example. The runner asks
both servers before it does anything, and returns at once.
"""


def run():
    event = data
    if len(str(data)) > 4096:
        event = {"id": str(data.get("id"))[:256]}
    return {
        "A restart became pending": {
            "runner.dhcp_failover.request": [{"args": [{"event": event}, {"pending": True}]}],
        }
    }

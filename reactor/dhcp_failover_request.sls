#!py
"""
Reaction to a minion's request for a restart (tag dhcp_failover/request).

    salt-call event.send dhcp_failover/request '{"pair": "foo", "why": "new lease times"}'

It hands the event over and decides nothing; the runner refuses who is not in
dhcp_failover:requests:allow, and returns at once. This is Python and not Jinja so that nothing of
the event is ever part of a template or of YAML.
"""


def run():
    event = data
    size = len(str(data))
    if size > 4096:
        # The runner's arguments go to the job cache: not a megabyte each.
        event = {"id": str(data.get("id"))[:256], "size": size}
    return {
        "A restart was requested": {
            "runner.dhcp_failover.request": [{"args": [{"event": event}]}],
        }
    }

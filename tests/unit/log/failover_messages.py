"""
What server/failover.c of dhcpd 4.4.3-P1 can say, as its binary has it (``strings``), with an example.

``None``: knowingly left out, for the reason beside it.
"""

MESSAGES = [
    ("failover: link startup timeout", "failover: link startup timeout", "no-answer"),
    ("timeout waiting for failover peer %s", "timeout waiting for failover peer foo", "timeout"),
    (
        "failover: listener: no matching state",
        "failover: listener: no matching state",
        "stray-connection",
    ),
    (
        "failover: listener: picayune failure.",
        "failover: listener: picayune failure.",
        "stray-connection",
    ),
    (
        "failover: connect: no matching state.",
        "failover: connect: no matching state.",
        "stray-connection",
    ),
    # Its reason comes in the line before, with the name of the relationship.
    ("failover: disconnect: %s", "failover: disconnect: time offset too large", None),
    (
        "Sent update request all message to %s",
        "Sent update request all message to foo",
        "update-wanted",
    ),
    ("Sent update request message to %s", "Sent update request message to foo", "update-wanted"),
    (
        "Failed to send update request all message to %s: %s",
        "Failed to send update request all message to foo: not connected",
        "update-failed",
    ),
    (
        "Received update request while old update still flying!  Silently discarding old request.",
        "Received update request while old update still flying!  Silently discarding old request.",
        "update-doubled",
    ),
    (
        "Update request from %s: sending update",
        "Update request from foo: sending update",
        "peer-wants-update",
    ),
    (
        "Update request from %s: nothing pending",
        "Update request from foo: nothing pending",
        "peer-wants-update",
    ),
    (
        "Update request all from %s: sending update",
        "Update request all from foo: sending update",
        "peer-wants-update",
    ),
    (
        "Update request all from %s: nothing pending",
        "Update request all from foo: nothing pending",
        "peer-wants-update",
    ),
    ("Sent update done message to %s", "Sent update done message to foo", "peer-update-done"),
    (
        "failover peer %s: peer update completed.",
        "failover peer foo: peer update completed.",
        "update-done",
    ),
    (
        "bind update on %s from %s rejected: %.*s",
        "bind update on 10.0.0.1 from foo rejected: 10.0.0.1: lease in an unknown state",
        "rejected-update",
    ),
    (
        "bind update on %s got ack from %s: %s.",
        "bind update on 10.0.0.1 got ack from foo: xid mismatch.",
        "rejected-update",
    ),
    (
        "balancing pool %lx %s  total %d  free %d  backup %d  lts %d  max-own (+/-)%d%s",
        "balancing pool 55f 10.0.0.0/24  total 9  free 5  backup 4  lts 0  max-own (+/-)1",
        "balancing",
    ),
    (
        "%s pool %lx %s  total %d  free %d  backup %d  lts %d  max-misbal %d",
        "balanced pool 55f 10.0.0.0/24  total 9  free 5  backup 4  lts 0  max-misbal 1",
        "pool",
    ),
    (
        "Unable to record current failover state for %s",
        "Unable to record current failover state for foo",
        "not-recorded",
    ),
    (
        "failover peer %s: I move from %s to %s",
        "failover peer foo: I move from startup to normal",
        "my-move",
    ),
    (
        "failover peer %s: peer moves from %s to %s",
        "failover peer foo: peer moves from normal to normal",
        "peer-move",
    ),
    (
        "failover peer %s: Both servers normal",
        "failover peer foo: Both servers normal",
        "both-normal",
    ),
    (
        "Both servers have entered recover-done!",
        "Both servers have entered recover-done!",
        "both-recovered",
    ),
    (
        "failover peer %s: Invalid state: %d",
        "failover peer foo: Invalid state: 99",
        "impossible-move",
    ),
    (
        "Peer %s: Invalid state transition %s to %s.",
        "Peer foo: Invalid state transition normal to startup.",
        "impossible-move",
    ),
    (
        "Peer %s: Unexpected move to conflict-done.",
        "Peer foo: Unexpected move to conflict-done.",
        "impossible-move",
    ),
    (
        "Peer %s: Invalid attempt to move from %s to %s while local state is conflict-done.",
        "Peer foo: Invalid attempt to move from normal to recover while local state is conflict-done.",
        "impossible-move",
    ),
    (
        "Peer %s moves to normal during conflict resolution - panic, shutting down.",
        "Peer foo moves to normal during conflict resolution - panic, shutting down.",
        "impossible-move",
    ),
    (
        "failover peer %s: requesting %s",
        "failover peer foo: requesting full update from peer",
        "asks",
    ),
    ("failover peer %s: %s", "failover peer foo: address not available", "peer-trouble"),
    (
        "Failover CONNECT from %.*s: %s",
        "Failover CONNECT from foo: time offset too large",
        "refused",
    ),
    (
        "Failover CONNECT to %s rejected: %s",
        "Failover CONNECT to foo rejected: Time mismatch too great.",
        "refused",
    ),
    ("Failover CONNECTACK from %s: %s", "Failover CONNECTACK from foo: invalid", "refused"),
    ("Failover DISCONNECT from %s: %s", "Failover DISCONNECT from foo: shutting down", "refused"),
    ("peer %s: disconnected", "peer foo: disconnected", "disconnected"),
    (
        "peer %s: Got POOLREQ, answering negatively!  Peer may be out of leases or database inconsistent.",
        "peer foo: Got POOLREQ, answering negatively!  Peer may be out of leases or database inconsistent.",
        "no-leases-to-give",
    ),
    (
        "FAILOVER: message overflow at option code.",
        "FAILOVER: message overflow at option code.",
        "bad-message",
    ),
    ("FAILOVER: invalid message type: %d", "FAILOVER: invalid message type: 77", "bad-message"),
    ("FAILOVER: duplicate option %s", "FAILOVER: duplicate option mclt", "bad-message"),
    (
        "ERROR: Failover peer, %s, has no referring pools. You must refer to each peer in at least one pool declaration.",
        "ERROR: Failover peer, foo, has no referring pools. You must refer to each peer in at least one pool declaration.",
        "fatal",
    ),
    (
        "Failover configuration sanity check failed",
        "Failover configuration sanity check failed",
        "fatal",
    ),
    ("failover peer %s: no local address.", "failover peer foo: no local address.", "fatal"),
    (
        "failover peer %s: 'address' parameter fails to resolve to an IPv4 address",
        "failover peer foo: 'address' parameter fails to resolve to an IPv4 address",
        "fatal",
    ),
    (
        "WARNING: load balancing will be disabled for failover peer, %s, because its load balance max secs is 0",
        "WARNING: load balancing will be disabled for failover peer, foo, because its load balance max secs is 0",
        "load-balancing-off",
    ),
    # About one client each: what is asked of the log about clients is another reading.
    (
        "%s: load balance to peer %s",
        "DHCPDISCOVER from 0:0:0:0:0:1: load balance to peer foo",
        None,
    ),
    (
        "%s: cancel load balance to peer %s - %s",
        "DHCPREQUEST: cancel load balance to peer foo - x",
        None,
    ),
    (
        "%s: peer holds all free leases",
        "DHCPDISCOVER from 0:0:0:0:0:1: peer holds all free leases",
        None,
    ),
    # Only with the next line does it say how many, and dhcpd says it of each pool request.
    ("pool response: %ld leases", "pool response: 7 leases", None),
    # A note about versions before 2010.
    (
        "WARNING: failover as of versions 3.1.0 and on are not reverse compatible with versions 3.0.x.",
        "WARNING: failover as of versions 3.1.0 and on are not reverse compatible with versions 3.0.x.",
        None,
    ),
]

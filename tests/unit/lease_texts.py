"""Lease files as dhcpd writes them, whole and of every kind of entry."""

from collections import namedtuple

from iscdhcp.leases import check

NOW = 1795418734  # 2026/11/23 07:25:34

#: The states that a lease may be in.
BINDING = ("active", "free", "backup", "expired", "released", "abandoned", "reset")
Pool = namedtuple("Pool", "network ranges")
POOL = Pool("10.0.0.0/24", (("10.0.0.1", "10.0.0.9"),))

HEADER = b"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

"""
DUID = b'server-duid "\\000\\001\\000\\0016\\\\ab\\"c";\n\n'
STATE = b"""
failover peer "foo" state {
  my state normal at 1 2026/11/23 07:22:56;
  partner state communications-interrupted at 1 2026/11/23 07:22:54;
  mclt 20;
}
"""
RICH = b"""lease 10.0.0.8 {
  starts epoch 1795418734; # Mon Nov 23 07:25:34 2026
  ends never;
  cltt epoch 1795418734; # Mon Nov 23 07:25:34 2026
  binding state active;
  next binding state free;
  rewind binding state backup;
  reserved;
  dynamic-bootp;
  billing class "a class";
  hardware token-ring 02:00:00:00:00:08;
  uid 01:02:fa;
  set text = "a \\"}{;\\\\";
  set number = %42;
  set yes = true;
  set hex = 1:2:ff;
  option agent.circuit-id "eth0;{";
  option agent.remote-id 0:1:fe;
  client-hostname "x}y";
  on expiry or release {
    log (debug, "===EXPIRY===");
    if known {
      set x = concat ("1",
                      "2");
    } else {
      set x = "2";
    }
  }
}
"""
OTHERS = b"""host printer {
  dynamic;
  hardware ethernet 02:00:00:00:00:77;
  fixed-address 10.0.0.77;
}
group "old" {
  dynamic;
  deleted;
}
class "gold" {
  dynamic;
}
subclass "gold" 01:02:03 {
  dynamic;
}
"""


def lease(number, state="active", ends=b"1 2026/11/23 08:22:56", starts=b"1 2026/11/23 07:22:56"):
    """A lease as dhcpd writes it."""
    return (
        b"lease 10.0.0.%d {\n  starts %s;\n  ends %s;\n  tstp %s;\n  cltt %s;\n"
        b"  binding state %s;\n  next binding state expired;\n"
        b"  hardware ethernet 02:00:00:00:00:%02x;\n"
        b'  uid "\\001\\002\\000{}\\";";\n  client-hostname "host-%d";\n}\n'
    ) % (number, starts, ends, ends, starts, state.encode(), number, number)


WHOLE = HEADER + STATE + lease(1) + lease(2, "free") + DUID + lease(1, "released") + RICH + OTHERS


def with_uid(number, uid):
    return lease(number).replace(b'"\\001\\002\\000{}\\";"', b'"' + uid + b'"')


def problem(path):
    """The only problem of a file."""
    (found,) = check.check(path)["problems"]
    return found

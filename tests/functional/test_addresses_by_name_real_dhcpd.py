"""What a real dhcpd does with names for failover addresses, and that lint says the same before.

Each dhcpd runs in a network of its own, where nobody but its /etc/hosts knows a name.
"""

from __future__ import annotations

import subprocess

import pytest
from iscdhcp.conf import lint
from iscdhcp.conf import syntax

from lab.alone import DHCPD

CONF = """
failover peer "foo" {{
  primary; address {own}; port 647; peer address {peer}; peer port 647; mclt 60; split 128;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3;
}}
subnet 10.0.0.0 netmask 255.255.255.0 {{
  pool {{ failover peer "foo"; deny dynamic bootp clients; range 10.0.0.10 10.0.0.20; }}
}}
"""
HOSTS = """127.0.0.1 localhost
127.0.1.1 debian
10.0.0.1 here
10.0.0.1 two
10.0.0.5 two
10.9.9.9 moved
10.0.0.2 partner
"""
KNOWN = {
    "debian": ["127.0.1.1"],
    "here": ["10.0.0.1"],
    "two": ["10.0.0.1", "10.0.0.5"],
    "moved": ["10.9.9.9"],
    "partner": ["10.0.0.2"],
}
# It ends when its socket is there, when dhcpd has ended or has said that it can't be there.
NETWORK = """
mount --bind hosts /etc/hosts
echo 'hosts: files' > nss && mount --bind nss /etc/nsswitch.conf
ip link set lo up
ip link add one type veth peer name other
ip link set other up
ip link set one up
ip addr add 10.0.0.1/24 dev one
ip addr add 10.0.0.5/24 dev one
touch leases
{dhcpd} -d -cf dhcpd.conf -lf leases --no-pid one 2>said &
pid=$!
for try in $(seq 300); do
  kill -0 $pid 2>/dev/null || {{ echo ended; exit; }}
  grep -q 'address not available' said && break
  grep -q 'Server starting service' said && ss -Hltn 'sport = :647' | grep -q . && break
  sleep 0.1
done
ss -Hltn 'sport = :647' | awk '{{print $4}}'
kill $pid
wait $pid
"""


@pytest.mark.parametrize(
    ("own", "peer", "listens", "code"),
    [
        ("here", "partner", "10.0.0.1:647", None),
        ("debian", "partner", "127.0.1.1:647", "name-loopback"),
        ("127.0.0.1", "partner", "127.0.0.1:647", "name-loopback"),
        ("nobody", "partner", "ended", "name-unresolved"),
        ("two", "partner", "10.0.0.1:647", "name-several"),
        ("moved", "partner", "", "address-not-here"),
        ("10.0.0.1", "nobody", "10.0.0.1:647", "name-unresolved"),
    ],
)
def test_a_name_does_to_dhcpd_what_lint_says(tmp_path, own, peer, listens, code):
    text = CONF.format(own=own, peer=peer)
    (tmp_path / "dhcpd.conf").write_text(text)
    (tmp_path / "hosts").write_text(HOSTS)
    done = subprocess.run(
        ["unshare", "-n", "-m", "bash", "-c", NETWORK.format(dhcpd=DHCPD)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == listens, done.stderr + (tmp_path / "said").read_text()
    here = ["127.0.0.1", "10.0.0.1", "10.0.0.5"]
    tree = syntax.parse_text(text)
    found = lint.lint(tree, here, lambda name: KNOWN.get(name, []))
    assert [one.code for one in found if one.severity != "note"] == ([code] if code else [])

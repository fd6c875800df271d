"""A lease file that is removed or torn under a dhcpd that runs, and put right after the run."""

from __future__ import annotations

from lab.dhcp import LEASES
from lab.faults.scene import Scene

_COPY = "/var/lib/leases-of-the-lab"
# Half an entry, as a write that was cut short leaves it.
_TORN = "lease 10.100.1.77 {\n  starts 1 2026/11/23 07:22:56;\n  binding sta"


def removed(scene: Scene, worker: str, partner: str) -> None:
    """
    Remove the worker's lease file.

    Where dhcpd writes it on, a person does then what the refusal says; where it is still missing, a
    copy is put back.
    """
    host = scene.lab[worker]
    host.run(["cp", "-p", LEASES, _COPY])
    host.run(["rm", LEASES])

    def back() -> None:
        if not host.running:
            return
        host.run(["sh", "-c", f"test -s {LEASES} || cp -p {_COPY} {LEASES}"])
        nameless = "ls -l /proc/$(pidof -s dhcpd)/fd | grep -q 'leases (deleted)'"
        if not host.run(["sh", "-c", nameless], check=False).returncode:
            words = ("force=lease-file", "fresh=True")
            scene.salt.salt_run("dhcp_failover.restart", scene.pair.name, *words)

    scene.cures.append(back)


def torn(scene: Scene, worker: str, partner: str) -> None:
    """Append half an entry to the worker's lease file; where it is still there, it is cut out."""
    host = scene.lab[worker]
    host.run(["sh", "-c", f"cat >>{LEASES}"], stdin=_TORN)

    def mended() -> None:
        if host.running:
            text = host.read(LEASES)
            if _TORN in text:
                host.run(["sh", "-c", f"cat >{LEASES}"], stdin=text.replace(_TORN, ""))

    scene.cures.append(mended)

"""The peers: what a person types for a restart of both servers, and for new files on both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bench import restart
from bench.peers.stage import FIRST
from bench.peers.stage import PEERS
from bench.peers.stage import SECOND
from bench.peers.stage import Done
from bench.peers.stage import Stage


@dataclass(frozen=True)
class Peer:
    """
    One way to restart a pair.

    title
        As the tables name it.
    restart, rollout
        Their commands. They return when the command has ended.
    waits_s
        Seconds of it that its author has chosen to wait.
    from_file
        It restarts only where a file has changed.
    """

    title: str
    restart: Callable[[Stage], Done]
    rollout: Callable[[Stage], Done]
    waits_s: float = 0.0
    from_file: bool = False


def _floor(stage: Stage) -> Done:
    restart.floor(stage.dhcp)
    return Done(0, "")


def _ours(stage: Stage) -> Done:
    return stage.run(stage.salt_command("salt-run", "state.orch", "orch.dhcp_failover_restart"))


def _our_rollout(stage: Stage) -> Done:
    pillar = json.dumps({"pair": "foo", "source": "salt://new/{{ minion }}.dhcpd.conf"})
    words = ["state.orch", "orch.dhcp_failover_rollout", f"pillar={pillar}"]
    return stage.run(stage.salt_command("salt-run", *words))


def _ansible(playbook: str) -> Callable[[Stage], Done]:
    file = str(PEERS / "ansible" / playbook)
    return lambda stage: stage.run(["ansible-playbook", "-i", str(stage.inventory()), file])


def _script(stage: Stage) -> Done:
    return stage.run([str(PEERS / "shell" / "restart-pair.sh"), FIRST, SECOND])


def _script_rollout(stage: Stage) -> Done:
    script = str(PEERS / "shell" / "rollout-pair.sh")
    return stage.run([script, str(stage.new), FIRST, SECOND])


def _highstate(stage: Stage) -> Done:
    return stage.run(stage.salt_command("salt", "dhcp-*", "state.highstate"))


def _batch(*words: str) -> Callable[[Stage], Done]:
    batch = ("--batch-size=1", "--failhard", "dhcp-*")
    return lambda stage: stage.run(stage.salt_command("salt", *batch, *words))


#: By name, in the order of the tables. ``floor`` is no peer: what the servers themselves take.
PEERS_BY_NAME = {
    "floor": Peer("the servers' floor", _floor, _floor),
    "ours": Peer("`orch.dhcp_failover_restart`", _ours, _our_rollout),
    "ansible": Peer(
        "Ansible, `serial: 1`, `until` normal", _ansible("restart.yml"), _ansible("rollout.yml")
    ),
    "script": Peer("a script, `sleep 30` in between", _script, _script_rollout, waits_s=30.0),
    "highstate": Peer("a highstate with `watch`", _highstate, _highstate, from_file=True),
    "batch": Peer(
        "Salt's `--batch-size=1`, `service.restart`",
        _batch("service.restart", "isc-dhcp-server"),
        _batch("state.apply"),
    ),
}

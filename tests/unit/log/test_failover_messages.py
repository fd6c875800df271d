"""All that dhcpd can say about failover is known, or knowingly left out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from failover_messages import MESSAGES
from iscdhcp.log import messages

#: What begins like a message of failover.c in the binary.
ABOUT = re.compile(
    rb"(?:failover peer %s: |failover: |FAILOVER: [a-z]|Failover (?:CONNECT|DISCONNECT)|Peer %s|"
    rb"peer %s: |Update request|Sent update|Failed to send update|Received update|Both servers|"
    rb"bind update on|Unable to record|timeout waiting for failover)[^\0\n]*"
)
#: One message of a corrupted connection stands for all of them.
CORRUPTED = b"FAILOVER: "


@pytest.mark.parametrize("template, example, kind", MESSAGES, ids=[one[0][:50] for one in MESSAGES])
def test_each_message_is_what_it_is_taken_for(template, example, kind):
    parsed = messages.parse_message(example)
    assert (parsed and parsed[0]) == kind
    if kind is not None:
        assert re.search(messages.WORTH_READING, example), "it is not looked for"
    if kind and "foo" in example and kind not in ("fatal", "conf-error"):
        assert parsed[1].get("peer") == "foo"


@pytest.mark.skipif(shutil.which("dhcpd") is None, reason="dhcpd is not installed")
def test_the_binary_says_nothing_else():
    binary = Path(shutil.which("dhcpd")).read_bytes()
    said = {found[0] for found in ABOUT.finditer(binary) if b"\0" not in found[0]}
    known = {template.encode() for template, _, _ in MESSAGES}
    unknown = {one for one in said - known if not one.startswith(CORRUPTED)}
    assert len(said) > 30 and unknown == set()

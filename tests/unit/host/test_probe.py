"""The question as it goes over the wire, and which packets are its answer."""

from __future__ import annotations

import socket

import pytest
from iscdhcp.host import probe

NUMBER = b"\x01\x02\x03\x04"
QUESTION = probe.Question("192.0.2.2", "192.0.2.1", "10.0.0.10")


def answer(kind=2, number=NUMBER, source="192.0.2.2", identifier="192.0.2.2", op=2, options=b""):
    body = bytes((op, 1, 6, 0)) + number + bytes(8) + socket.inet_aton("10.0.0.77")
    body += bytes(4) + socket.inet_aton("192.0.2.1") + probe.CLIENT + bytes(10 + 192)
    body += bytes((99, 130, 83, 99)) + options + bytes((53, 1, kind))
    body += bytes((54, 4)) + socket.inet_aton(identifier) + b"\xff"
    header = bytes((0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0)) + socket.inet_aton(source)
    return header + socket.inet_aton("192.0.2.1") + bytes(8) + body


def read(packet, expects=2):
    return probe.answer_in(packet, NUMBER, expects, "192.0.2.2")


def test_a_question_is_that_of_a_relay_for_one_fixed_client():
    packet = probe.message(1, NUMBER, QUESTION)
    assert len(packet) == 300 and packet[:4] == bytes((1, 1, 6, 1))
    assert packet[4:8] == NUMBER and packet[8:10] == b"\x00\xff"
    assert packet[24:28] == socket.inet_aton("192.0.2.1")
    assert packet[28:34] == probe.CLIENT and probe.CLIENT[0] & 3 == 2  # locally administered
    assert bytes((118, 4, 10, 0, 0, 10)) in packet
    assert bytes((82, 6, 5, 4, 10, 0, 0, 10)) in packet


def test_the_partners_offer_is_the_answer():
    assert read(answer()) == "10.0.0.77"
    assert read(answer(options=b"\x00\x0c\x01x")) == "10.0.0.77"


def test_a_server_identifier_of_another_interface_of_the_partner_is_the_partners_too():
    assert read(answer(identifier="198.51.100.7")) == "10.0.0.77"
    assert read(answer(source="198.51.100.7")) == "10.0.0.77"


@pytest.mark.parametrize(
    "packet",
    [
        answer(kind=6),
        answer(number=b"\x04\x03\x02\x01"),
        answer(op=1),
        answer(source="192.0.2.1", identifier="192.0.2.1"),
        answer()[:200],
        answer()[:268] + b"\x35",
        b"",
        b"\x45",
    ],
    ids=["a refusal", "another's", "a question", "our own dhcpd's", "cut", "torn", "none", "one"],
)
def test_nothing_else_is(packet):
    assert read(packet) is None

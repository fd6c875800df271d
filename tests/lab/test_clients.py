"""Clients that send again count as RFC 2131 says, and are told from clients that are lost."""

from __future__ import annotations

import struct

import pytest

from lab.clients import ACK
from lab.clients import DISCOVER
from lab.clients import NAK
from lab.clients import NEVER
from lab.clients import OFFER
from lab.clients import REQUEST
from lab.clients import Crowd
from lab.clients import packet
from lab.clients import read

RELAY = bytes((10, 100, 0, 2))
SERVER = bytes((10, 90, 0, 11))


class Wire:
    """What the clients send, and a server's answers to it."""

    def __init__(self):
        self.sent = []
        self.crowd = Crowd(self.sent.append, RELAY, series=3)

    def kinds(self):
        return [data[242] for data in self.sent]

    def seconds(self):
        return [struct.unpack_from("!H", data, 8)[0] for data in self.sent]

    def answer(self, kind, now, address=b"\x0a\x64\x01\x01"):
        asked = bytearray(self.sent[-1])
        asked[0] = 2
        asked[16:20] = address
        self.crowd.take(bytes(asked[:240]) + bytes((53, 1, kind, 54, 4)) + SERVER + b"\xff", now)

    def run_until(self, now):
        while self.crowd.next_due() is not None and self.crowd.next_due() <= now:
            self.crowd.work(self.crowd.next_due())


def test_a_client_that_is_answered_sends_two_packets_and_is_not_late():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.answer(OFFER, 0.5)
    wire.answer(ACK, 1.0)
    assert wire.kinds() == [DISCOVER, REQUEST]
    served = wire.crowd.result()
    assert (served.clients, served.late, served.never, served.slowest_s) == (1, 0, 0, 1.0)
    wire.run_until(100.0)
    assert len(wire.sent) == 2


def test_a_client_without_an_answer_sends_again_after_4_8_16_and_32_seconds():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.run_until(5.0)
    assert wire.kinds() == [DISCOVER] * 2
    assert 3 <= wire.seconds()[1] <= 5  # load balancing goes by it
    wire.run_until(14.0)
    assert len(wire.sent) == 3
    wire.answer(OFFER, 14.0)
    wire.answer(ACK, 14.1)
    assert (wire.crowd.result().late, wire.crowd.result().never) == (1, 0)


def test_a_message_is_lost_once_however_often_it_is_sent_again():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.run_until(20.0)
    wire.answer(OFFER, 20.0)
    assert wire.crowd.result().lost == 1, "the DISCOVER"
    wire.run_until(40.0)
    wire.answer(ACK, 40.0)
    served = wire.crowd.result()
    assert (served.lost, served.never) == (2, 0), "and the REQUEST"
    assert served.sent_again > served.lost


def test_a_client_that_nobody_answers_is_never_served():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.run_until(2 * NEVER)
    assert wire.crowd.waiting == 0
    assert (wire.crowd.result().late, wire.crowd.result().never) == (0, 1)


@pytest.mark.parametrize("refused", [True, False])
def test_a_client_whose_request_is_refused_or_not_answered_begins_anew(refused):
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.answer(OFFER, 0.1)
    if refused:
        wire.answer(NAK, 0.2)
    else:
        wire.run_until(69.0)
    assert wire.kinds()[-1] == DISCOVER
    assert wire.crowd.result().refused == refused


def test_an_address_that_two_clients_have_is_a_duplicate():
    wire = Wire()
    for _ in range(2):
        wire.crowd.begin(0.0)
        wire.answer(OFFER, 0.1)
        wire.answer(ACK, 0.2)
    assert wire.crowd.result().duplicates == 1


def test_other_packets_are_not_taken_for_answers():
    asked = packet(DISCOVER, 1, bytes(6), RELAY, 0)
    for data in (b"", b"x" * 100, asked, asked[:-5]):
        assert read(data) is None or read(data)[0] == DISCOVER


def test_the_longest_silence_is_the_one_in_which_no_client_at_all_was_answered():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.answer(OFFER, 0.5)
    wire.crowd.begin(1.0)
    wire.answer(OFFER, 3.0)
    wire.answer(ACK, 3.5)
    wire.crowd.end(4.0)
    served = wire.crowd.result()
    assert (served.longest_unserved_s, served.unserved_from) == (2.5, 0.5)


def test_a_refusal_is_no_answer_and_silence_at_the_end_counts():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.answer(OFFER, 1.0)
    wire.answer(NAK, 2.0)
    wire.crowd.end(5.0)
    assert wire.crowd.result().longest_unserved_s == 4.0


def test_silence_after_the_last_new_client_is_nobody_s_fault():
    wire = Wire()
    wire.crowd.begin(0.0)
    wire.answer(OFFER, 1.0)
    wire.crowd.end(1.5)
    wire.answer(ACK, 9.0)
    wire.crowd.end(20.0)
    assert wire.crowd.result().longest_unserved_s == 1.0

"""What the partner knows of a lease that was cut, and the entry that is made of it."""

from __future__ import annotations

import json

import pytest
from iscdhcp.errors import LeaseFileError
from iscdhcp.leases import check
from iscdhcp.leases import from_partner
from iscdhcp.leases.syntax import parse

NOW = 1795418734  # 2026/11/23 07:25:34
ADDRESS = "10.0.0.2"


def lease(address=ADDRESS, state="active", starts="07:22:56", ends="1 2026/11/23 08:22:56"):
    return (
        f"lease {address} {{\n  starts 1 2026/11/23 {starts};\n  ends {ends};\n"
        f"  tstp {ends};\n  tsfp {ends};\n  atsfp {ends};\n  cltt 1 2026/11/23 {starts};\n"
        f"  binding state {state};\n  next binding state expired;\n"
        "  hardware ethernet 02:00:00:00:00:02;\n"
        '  uid "\\001\\002}{;\\"";\n  client-hostname "host-2";\n}\n'
    )


@pytest.fixture
def facts(tmp_path):
    """A file's facts as they come by the wire: through JSON."""

    def of(text, addresses=(ADDRESS,)):
        path = tmp_path / "dhcpd.leases"
        path.write_text(text)
        return json.loads(json.dumps(from_partner.entry_facts(str(path), addresses)))

    return of


def one(*args, **kwargs):
    (found,) = from_partner.from_partner([ADDRESS], *args, **kwargs)
    return found


def test_the_last_entry_of_each_address_travels_as_plain_facts(facts):
    found = facts(lease(state="free") + lease(), [ADDRESS, "10.0.0.9"])
    assert found["10.0.0.9"] is None
    entry = found[ADDRESS]
    assert entry.pop("text") == lease().rstrip("\n")
    assert entry == {
        "line": 14,
        "state": "active",
        "starts": NOW - 158,
        "ends": NOW + 3442,
        "cltt": NOW - 158,
        "hardware": "ethernet 02:00:00:00:00:02",
        "uid": "01:02:7d:7b:3b:22",
        "client_hostname": "host-2",
    }


def test_what_the_partner_knows_is_made_an_entry_of_ours_and_can_be_appended(facts, tmp_path):
    found = one(facts(lease()), now=NOW)
    assert found["outcome"] == "known"
    assert found["sentence"].startswith("10.0.0.2: the partner has it as active for host-2 until")
    path = tmp_path / "ours"
    path.write_text(lease("10.0.0.1") + found["entry"])
    assert check.check(str(path))["whole"]
    (mine,) = parse(found["entry"].encode())
    theirs = next(iter(parse(lease().encode())))
    told = {"tstp", "tsfp", "atsfp"}
    assert mine.fields == {key: of for key, of in theirs.fields.items() if key not in told}


@pytest.mark.parametrize(
    ("theirs", "outcome"),
    [
        (None, "unknown"),
        (lease(state="free"), "unused"),
        (lease(state="backup"), "unused"),
        (lease(state="abandoned"), "known"),
        (lease(ends="never"), "known"),
        (lease(ends="1 2026/11/23 07:25:34"), "ended"),
    ],
)
def test_what_the_partner_says_is_judged(facts, theirs, outcome):
    found = one(facts(theirs) if theirs else {ADDRESS: None}, now=NOW)
    assert found["outcome"] == outcome
    assert (found["entry"] is not None) == (outcome == "known")
    assert found["sentence"].startswith(ADDRESS)


def test_an_address_that_was_not_asked_for_is_not_called_unknown():
    assert one({})["outcome"] == "not asked"


@pytest.mark.parametrize(
    ("mine", "outcome"), [("07:00:00", "known"), ("07:22:56", "same"), ("07:30:00", "same")]
)
def test_an_older_entry_of_the_partner_never_replaces_ours(facts, mine, outcome):
    theirs = facts(lease())
    assert one(theirs, facts(lease(starts=mine)))["outcome"] == outcome


@pytest.mark.parametrize(
    "text", ["", "}", lease()[:-20], lease("10.0.0.3"), lease() + lease(), "host x { }\n"]
)
def test_anything_but_one_whole_lease_of_the_address_is_refused(text):
    with pytest.raises(LeaseFileError, match="no whole lease entry of it"):
        one({ADDRESS: {"text": text}})


def test_an_entry_that_is_not_as_dhcpd_writes_it_is_refused_or_whole(facts):
    theirs = facts(lease())
    theirs[ADDRESS]["text"] = theirs[ADDRESS]["text"].replace(";\n", "; ")
    try:
        entry = one(theirs)["entry"]
    except LeaseFileError as err:
        assert "not as dhcpd writes it" in str(err)
    else:
        (mine,) = parse(entry.encode())
        assert mine.fields["state"] == "active"


def test_what_is_no_address_is_refused(tmp_path):
    with pytest.raises(LeaseFileError, match="nonsense is no IPv4 address"):
        from_partner.entry_facts(str(tmp_path / "none"), ["nonsense"])

"""
Mistakes that people make, put anywhere into a whole configuration: ``dhcpd -t`` is the judge.

What it refuses is explained by an error with its line, but for one in a hundred; what it takes is
never called an error.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import configurations
import pytest
from iscdhcp.conf import lint
from iscdhcp.conf import syntax
from iscdhcp.conf.finding import ERROR
from iscdhcp.errors import IscDhcpError

#: How often each mistake is made in each configuration, and how many may be left unexplained.
TIMES, UNEXPLAINED = 6, 0.01
WHOLE = """failover peer "foo" {
  primary;
  address 192.0.2.1;
  port 647;
  peer address 192.0.2.2;
  peer port 647;
  max-response-delay 60;
  max-unacked-updates 10;
  mclt 3600;
  split 128;
  load balance max seconds 3;
}
authoritative;
default-lease-time 600;
max-lease-time 7200;
ddns-update-style none;
log-facility local7;
omapi-port 7911;
key k { algorithm hmac-md5; secret "c2VjcmV0c2VjcmV0c2VjcmV0"; }
omapi-key k;
zone example.org. { primary 127.0.0.1; key k; }
option space mine;
option mine.name code 1 = text;
option mine.servers code 2 = array of ip-address;
option arch code 93 = unsigned integer 16;
subnet 192.0.2.0 netmask 255.255.255.0 {
  option routers 192.0.2.1;
  option domain-name-servers 192.0.2.3, 192.0.2.4, ns.example.org;
  option domain-search "example.org", "example.com";
  next-server 192.0.2.9;
  filename "pxelinux.0";
  pool {
    failover peer "foo";
    range 192.0.2.10 192.0.2.20;
    deny dynamic bootp clients;
  }
}
class "x" { match if substring(option vendor-class-identifier, 0, 3) = "PXE"; }
class "y" { match hardware; }
shared-network "hall" {
  subnet 198.51.100.0 netmask 255.255.255.128 { }
  subnet 198.51.100.128 netmask 255.255.255.128 { }
  pool { failover peer "foo"; range 198.51.100.10 198.51.100.20; allow members of "x"; }
}
host one { hardware ethernet 00:11:22:33:44:55; fixed-address 192.0.2.30; option host-name "one"; }
subclass "y" 1:00:11:22:33:44:66 { option mine.name "y"; }
if option arch = 00:07 { filename "a.efi"; } else { filename "b.0"; }
"""
#: As people write one, and one with every construct, several in a line.
CONFIGURATIONS = {"whole": WHOLE, "valid": configurations.VALID}
#: Words of dhcpd.conf.
_WORD = (
    r"\b(?:option|subnet|netmask|range|pool|failover|peer|address|port|primary|host|hardware|"
    r"ethernet|fixed-address|class|subclass|match|default-lease-time|max-lease-time|next-server|"
    r"authoritative|filename|key|algorithm|secret|shared-network|deny|max-response-delay|mclt|"
    r"split|omapi-port|omapi-key|zone|log-facility|ddns-update-style)\b"
)
_ADDRESS = r"\b\d+\.\d+\.\d+\.\d+\b"
_MAC = r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"
_NUMBERED = r"((?:lease-time|mclt|delay|split|omapi-port|[^-]port)) (\d+);"


def _typo(luck: random.Random) -> Callable[[re.Match[str]], str]:
    def made(found: re.Match[str]) -> str:
        word, at = found[0], luck.randrange(len(found[0]) - 1)
        return luck.choice(
            [
                word[:at] + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[: at + 1] + word[at:],
            ]
        )

    return made


#: By name: what is replaced, and by what.
MISTAKES: dict[str, tuple[str, str | Callable[[re.Match[str]], str]]] = {
    "a missing ;": (r";", ""),
    "a missing {": (r"\{", ""),
    "a missing }": (r"\}", ""),
    "a } too many": (r"\}", "}}"),
    "a ; after a block": (r"\}", "};"),
    "two ;": (r";", ";;"),
    "a : for a ;": (r";", ":"),
    "a , for a ;": (r";", ","),
    "a , before a ;": (r";", ",;"),
    "a missing ,": (r",", ""),
    "a slip": (_WORD, ""),
    "a word twice": (_WORD, r"\g<0> \g<0>"),
    "a word left out": (_WORD + " ", ""),
    "256 in an address": (_ADDRESS, lambda m: m[0].rsplit(".", 1)[0] + ".256"),
    "an address cut short": (_ADDRESS, lambda m: m[0].rsplit(".", 1)[0]),
    "an address too long": (_ADDRESS, r"\g<0>.1"),
    "an address with a prefix": (_ADDRESS, r"\g<0>/24"),
    "two dots": (r"(?<=\d)\.(?=\d)", ".."),
    "a comma for a dot": (r"(?<=\d)\.(?=\d)", ","),
    "a missing quote": (r'"', ""),
    "single quotes": (r'"([^"\n]*)"', r"'\1'"),
    "quotes of a word processor": (r'"([^"\n]*)"', "\u201c\\1\u201d"),
    "a dash of a word processor": (r"(?<=[a-z])-(?=[a-z])", "\u2013"),
    "an underscore": (r"(?<=[a-z])-(?=[a-z])", "_"),
    "a blank for a hyphen": (r"(?<=[a-z])-(?=[a-z])", " "),
    "a blank of a web page": (r" ", "\u00a0"),
    "a range with a dash": (r"(range \S+) (\S+;)", r"\1 - \2"),
    "an equals sign": (_NUMBERED, r"\1 = \2;"),
    "a colon after the name": (_NUMBERED, r"\1: \2;"),
    "a unit": (_NUMBERED, r"\1 \2s;"),
    "a number left out": (_NUMBERED, r"\1;"),
    "a hardware address with dashes": (_MAC, lambda m: m[0].replace(":", "-")),
    "a hardware address with dots": (_MAC, lambda m: m[0].replace(":", ".")),
    "a hardware address with letters": (_MAC, lambda m: "zz" + m[0][2:]),
    "a missing netmask": (r"netmask", ""),
    "a netmask as a prefix": (r"netmask \S+", "netmask /24"),
    "an address inside of the subnet": (r"subnet (\d+\.\d+\.\d+)\.\d+", r"subnet \1.7"),
    "a range elsewhere": (r"range (\S+) ([^\s;]+);", "range 203.0.113.5 203.0.113.9;"),
    "a line twice": (r"\n[^\n{}#]+;(?=\n)", r"\g<0>\g<0>"),
    "a comment of C": (r"\n", "\n// a remark\n"),
    "a mark of a merge": (r"\n", "\n<<<<<<< HEAD\n"),
    "a template": (r"\n", "\n{{ pillar.x }}\n"),
    "an option that nobody knows": (r"option [a-z][\w-]+", "option no-such-thing"),
    "a name among addresses": (r"(option routers) ", r"\1 gw.example.org "),
    "else with a colon": (r"\belse\b", "else:"),
    "two roles": (r"primary;", "primary; secondary;"),
    "a secret that is none": (r"secret [^;]+;", 'secret "not base64!";'),
    "a key that nobody knows": (r"omapi-key [^;]+;", "omapi-key nokey;"),
    "a permit that is none": (r"\n", "\nallow everything;\n"),
    "a facility that is none": (r"log-facility [^;]+;", "log-facility local9;"),
}


def verdict(folder: Path, text: str) -> int:
    path = folder / "dhcpd.conf"
    path.write_text(text)
    argv = ["dhcpd", "-t", "-cf", path]
    return subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL).returncode


def errors(text: str) -> set[tuple[str, int | None]]:
    try:
        found = lint.lint(syntax.parse_text(text))
    except IscDhcpError as err:
        found = [lint.broken(err)]
    return {(one.what, one.line) for one in found if one.severity == ERROR}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_dhcpd_refuses_is_explained_and_what_it_takes_is_no_error(
    tmp_path: Path, name: str
) -> None:
    text, luck = CONFIGURATIONS[name], random.Random(7)
    assert verdict(tmp_path, text) == 0 and not errors(text)
    refused, silent, wrong = 0, Counter[str](), []
    for mistake, (pattern, new) in MISTAKES.items():
        places = [one for one in re.finditer(pattern, text) if "#" not in _before(text, one)]
        for place in luck.sample(places, min(TIMES, len(places))):
            made = _typo(luck)(place) if mistake == "a slip" else _replaced(place, new)
            changed = text[: place.start()] + made + text[place.end() :]
            found = errors(changed)
            if verdict(tmp_path, changed) == 0:
                wrong += [(mistake, place[0], one) for one in found if "not start" in one[0]]
            else:
                refused += 1
                silent[mistake] += not any(line for _, line in found)
    assert not wrong
    assert refused > 100
    if text is WHOLE:
        assert sum(silent.values()) <= UNEXPLAINED * refused, +silent


def _replaced(place: re.Match[str], new: str | Callable[[re.Match[str]], str]) -> str:
    return new(place) if callable(new) else place.expand(new)


def _before(text: str, place: re.Match[str]) -> str:
    """What stands before a place in its line."""
    return text[text.rfind("\n", 0, place.start()) + 1 : place.start()]

"""What a call of the execution module answers, as Salt's loader has it."""

from __future__ import annotations

from iscdhcp.host import process
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import no_linux


def test_a_failed_call_has_its_fields_and_an_exit_code(tmp_path):
    """Such as the code of a refused claim, or the problems of a lease file."""
    conf = tmp_path / "dhcpd.conf"
    conf.write_text('key "k" { algorithm hmac-md5; secret "c2VjcmV0"; }\n')
    settings = {"config_file": str(conf), "service": "dhcpd"}
    salt = {"config.get": lambda name, default: settings}
    context: dict[str, int] = {}
    opts = {"id": "dhcp-a", "cachedir": str(tmp_path)}
    here = Minion(salt, opts, {}, context)
    answer = here.failed("refused: c2VjcmV0", code="claim", claim={"run": "x"})
    assert answer["result"] is False
    assert (answer["code"], answer["claim"]) == ("claim", {"run": "x"})
    assert "c2VjcmV0" not in answer["comment"]
    assert context["retcode"] == 1


def test_a_host_that_is_no_linux_says_so_instead_of_failing_in_each_call(tmp_path, monkeypatch):
    assert no_linux() is None
    monkeypatch.setattr(process, "PROC", tmp_path)
    loads, why = no_linux()
    assert loads is False and "Linux" in why

"""What one of two lease files knows that the other does not."""

from __future__ import annotations

from iscdhcp.leases.newer import newer

BORN = 1_795_418_700


def lease(name, cltt, state="active"):
    return (
        f"lease {name} {{\n  starts epoch {cltt}; # x\n  ends epoch {cltt + 600}; # x\n"
        f"  cltt epoch {cltt}; # x\n  binding state {state};\n"
        f"  hardware ethernet 02:00:00:00:00:{name.rpartition('.')[2]:>02};\n}}\n"
    )


def test_what_clients_got_since_a_moment_is_taken_and_what_the_other_file_has_newer_is_not(
    tmp_path,
):
    one, other = tmp_path / "one", tmp_path / "other"
    old = lease("10.0.0.1", BORN - 500) + lease("10.0.0.2", BORN - 500)
    one.write_text(
        old
        + lease("10.0.0.2", BORN + 3)
        + lease("10.0.0.3", BORN + 1)
        + lease("10.0.0.3", BORN + 2)
        + lease("10.0.0.4", BORN + 2)
        + lease("10.0.0.5", BORN + 2, "free")
    )
    other.write_text(old + lease("10.0.0.4", BORN + 4))
    found = newer(str(one), str(other), BORN).decode()
    assert found == lease("10.0.0.2", BORN + 3) + lease("10.0.0.3", BORN + 2)
    assert newer(str(other), str(other), BORN) == b""

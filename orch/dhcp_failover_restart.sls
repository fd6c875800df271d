{#-
  Restart both dhcpd of a failover pair, one after the other, without clients noticing.

      salt-run state.orch orch.dhcp_failover_restart                         the only pair known
      salt-run state.orch orch.dhcp_failover_restart pillar='{"pair": "foo"}'
      salt-run state.orch orch.dhcp_failover_restart test=True               what would be done

  Pillar, all optional: pair (relationship, pair id or minion id), order (secondary-first,
  primary-first or both minion ids), method (signal, drain or handover), force, fresh, timeout and
  busy_timeout (seconds), heal (true: begin by starting the one server that is down). Nothing is
  decided here: each step looks for itself, when it runs.

  Procedure: ISC KB AA-01043.
#}
{%- set call = salt["dhcp_failover.call_pillar"]() %}
{%- set pair = call.get("pair") | tojson %}

The pair is locked:
  dhcp_failover.locked:
    - pair: {{ pair }}
    - given: {{ call | list | tojson }}
{%- if call.get("order") is not none %}
    - sequence: {{ call["order"] | tojson }}
{%- endif %}
{%- for option in ("method", "force", "fresh", "timeout", "busy_timeout", "heal") %}
{%-   if call.get(option) is not none %}
    - {{ option }}: {{ call[option] | tojson }}
{%-   endif %}
{%- endfor %}

Both servers are fit for it:
  dhcp_failover.preflight:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked

The first server is restarted:
  dhcp_failover.server_restarted:
    - pair: {{ pair }}
    - position: 1
    - require:
      - dhcp_failover: Both servers are fit for it

The pair is normal after the first restart:
  dhcp_failover.pair_normal:
    - pair: {{ pair }}
    - position: 1
    - require:
      - dhcp_failover: The first server is restarted

The second server is restarted:
  dhcp_failover.server_restarted:
    - pair: {{ pair }}
    - position: 2
    - require:
      - dhcp_failover: The pair is normal after the first restart

The pair is normal after the second restart:
  dhcp_failover.pair_normal:
    - pair: {{ pair }}
    - position: 2
    - require:
      - dhcp_failover: The second server is restarted

The pair is unlocked:
  dhcp_failover.unlocked:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked

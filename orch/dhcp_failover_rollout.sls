{#-
  Roll new configuration out to a failover pair: the secondary first, proved, then the primary.

      salt-run state.orch orch.dhcp_failover_rollout pillar='{"sls": "dhcp.config"}'
      salt-run state.orch orch.dhcp_failover_rollout pillar='{"pair": "foo", "source":
                                                     "salt://dhcp/{{ minion }}/dhcpd.conf"}'
      salt-run state.orch orch.dhcp_failover_rollout pillar='{"pair": "foo"}' test=True

  Where the files come from is one of these keys, or dhcpd:rollout in the minions' pillar:
  sls (your state files with dhcpd.config states), source (salt://..., {{ minion }} is the minion's
  id), contents_pillar (a key of the minion's pillar), file (a path on the server); each of the last
  three may be a dictionary of files. template and saltenv as in file.managed.

  Pillar, all optional, as for orch.dhcp_failover_restart: pair, order, method, force, fresh,
  timeout, busy_timeout, heal. A server that does not come back to normal gets its old files back, and so
  does the first one if it does not stay normal for its probation (seconds; default 60, 0: none).
  previous: true takes the last rollout back, through the same gates.

  Procedure: ISC KB AA-01043.
#}
{%- set call = salt["dhcp_failover.call_pillar"]() %}
{%- set pair = call.get("pair") | tojson %}

The pair is locked:
  dhcp_failover.rollout_locked:
    - pair: {{ pair }}
    - given: {{ call | list | tojson }}
{%- if call.get("order") is not none %}
    - sequence: {{ call["order"] | tojson }}
{%- endif %}
{%- for option in ("method", "force", "fresh", "timeout", "busy_timeout", "heal",
                   "source", "contents_pillar", "sls", "file", "template", "saltenv",
                   "previous", "probation") %}
{%-   if call.get(option) is not none %}
    - {{ option }}: {{ call[option] | tojson }}
{%-   endif %}
{%- endfor %}

Both servers are fit for it:
  dhcp_failover.preflight:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked

The new configuration is checked on both servers:
  dhcp_failover.configuration_checked:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: Both servers are fit for it

The first server has its new configuration:
  dhcp_failover.server_configured:
    - pair: {{ pair }}
    - position: 1
    - require:
      - dhcp_failover: The new configuration is checked on both servers

The pair is normal with the first server's configuration:
  dhcp_failover.server_proved:
    - pair: {{ pair }}
    - position: 1
    - require:
      - dhcp_failover: The first server has its new configuration

The second server has its new configuration:
  dhcp_failover.server_configured:
    - pair: {{ pair }}
    - position: 2
    - require:
      - dhcp_failover: The pair is normal with the first server's configuration

The pair is normal with the second server's configuration:
  dhcp_failover.server_proved:
    - pair: {{ pair }}
    - position: 2
    - require:
      - dhcp_failover: The second server has its new configuration

Both servers have the same configuration:
  dhcp_failover.configurations_agree:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is normal with the second server's configuration

The pair is unlocked:
  dhcp_failover.unlocked:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked

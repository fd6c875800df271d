{#-
  Reboot both hosts of a failover pair (a new kernel), one after the other, without clients noticing.

      salt-run state.orch orch.dhcp_failover_reboot                          the only pair known
      salt-run state.orch orch.dhcp_failover_reboot pillar='{"pair": "foo"}'
      salt-run state.orch orch.dhcp_failover_reboot pillar='{"only": "dhcp-a"}'
      salt-run state.orch orch.dhcp_failover_reboot pillar='{"command": "apt-get -y upgrade"}'
      salt-run state.orch orch.dhcp_failover_reboot pillar='{"sls": "firmware", "reboot": true}'
      salt-run state.orch orch.dhcp_failover_reboot test=True                what would be done

  Each server leaves everything to its partner, its host is rebooted (or runs the command, or gets
  the SLS), comes back, dhcpd serves again and the pair is normal; then the partner. What fails
  leaves the partner untouched. The same command goes on where it was.

  Pillar, all optional: pair (relationship, pair id or minion id), only (minion id of one server),
  order (secondary-first, primary-first or both minion ids), command or sls (instead of a reboot;
  with reboot: true before it), host_timeout (seconds for the command, and for the host to come
  back; 900), method (handover, or signal where there is no OMAPI), force, fresh, timeout and
  busy_timeout (seconds), heal (true: begin by starting the one server that is down). Nothing is decided here: each step looks for itself, when it runs.
#}
{%- set call = salt["dhcp_failover.call_pillar"]() %}
{%- set pair = (call.get("pair") or call.get("only")) | tojson %}
{%- set positions = [("first", 1)] if call.get("only") else [("first", 1), ("second", 2)] %}

The pair is locked:
  dhcp_failover.reboot_locked:
    - pair: {{ pair }}
    - given: {{ call | list | tojson }}
{%- if call.get("order") is not none %}
    - sequence: {{ call["order"] | tojson }}
{%- endif %}
{%- if call.get("reboot") is not none %}
    - reboot_host: {{ call["reboot"] | tojson }}
{%- endif %}
{%- for option in ("only", "command", "sls", "host_timeout", "method", "force", "fresh", "timeout",
                   "busy_timeout", "heal") %}
{%-   if call.get(option) is not none %}
    - {{ option }}: {{ call[option] | tojson }}
{%-   endif %}
{%- endfor %}

Both servers are fit for it:
  dhcp_failover.preflight:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked
{%- for which, position in positions %}

The {{ which }} server leaves everything to its partner:
  dhcp_failover.server_stopped:
    - pair: {{ pair }}
    - position: {{ position }}
    - require:
{%-   if loop.first %}
      - dhcp_failover: Both servers are fit for it
{%-   else %}
      - dhcp_failover: The pair is normal after the first host
{%-   endif %}

The {{ which }} host is maintained:
  dhcp_failover.host_maintained:
    - pair: {{ pair }}
    - position: {{ position }}
    - require:
      - dhcp_failover: The {{ which }} server leaves everything to its partner

The {{ which }} server serves again:
  dhcp_failover.server_serves:
    - pair: {{ pair }}
    - position: {{ position }}
    - require:
      - dhcp_failover: The {{ which }} host is maintained

The pair is normal after the {{ which }} host:
  dhcp_failover.pair_normal:
    - pair: {{ pair }}
    - position: {{ position }}
    - require:
      - dhcp_failover: The {{ which }} server serves again
{%- endfor %}

The pair is unlocked:
  dhcp_failover.unlocked:
    - pair: {{ pair }}
    - require:
      - dhcp_failover: The pair is locked

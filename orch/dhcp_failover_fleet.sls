{#-
  Restart many failover pairs (or roll new configuration out to them, or reboot their hosts).

      salt-run state.orch orch.dhcp_failover_fleet test=True
      salt-run state.orch orch.dhcp_failover_fleet pillar='{"at_once": 4, "per": "site", "canary": 1}'
      salt-run state.orch orch.dhcp_failover_fleet pillar='{"kind": "rollout", "sls": "dhcp.config"}'

  For those who want it as a step among others; as a command it is salt-run
  dhcp_failover.fleet_restart (fleet_rollout, fleet_reboot), which takes the same words and shows
  its progress. Nobody is asked here. A run that was stopped or is out of time is a failed step too.

  Pillar, all optional: kind (restart, rollout or reboot), and what that kind's command takes.
#}
{%- set call = salt["dhcp_failover.call_pillar"]() %}
{%- set words = {} %}
{%- for word, value in call.items() if word != "kind" %}
{%-   do words.update({word: value}) %}
{%- endfor %}

All pairs are done:
  dhcp_failover.fleet:
    - kind: {{ call.get("kind", "restart") | tojson }}
    - given: {{ call | list | tojson }}
    - words: {{ words | tojson }}

{#-
  Restart many failover pairs (or roll new configuration out to them, or reboot their hosts).

      salt-run state.orch orch.dhcp_failover_fleet test=True
      salt-run state.orch orch.dhcp_failover_fleet pillar='{"at_once": 4, "per": "site", "canary": 1}'
      salt-run state.orch orch.dhcp_failover_fleet pillar='{"kind": "rollout", "sls": "dhcp.config"}'

  For those who want it as a step among others; as a command it is salt-run
  dhcp_failover.fleet_restart (fleet_rollout, fleet_reboot), which takes the same words and shows
  its progress. Nobody is asked here. A run that was stopped or is out of time is a failed step too.

  Pillar, all optional: kind (restart, rollout or reboot); which pairs: pairs, tgt, tgt_type, exclude,
  pending (restart only); the pace: at_once, per, order (of sites), canary, probation, go (auto or
  ask), max_failures, until, window; and as for one pair: method, force, timeout, heal, fresh; for a
  rollout source, contents_pillar, sls, file, template, saltenv, previous; for a reboot command, sls,
  reboot, host_timeout. docs/how-to/fleet.md says what each means.
#}
{%- set call = salt["dhcp_failover.call_pillar"]() %}
{%- set words = {} %}
{%- for word in ("pairs", "tgt", "tgt_type", "exclude", "pending", "at_once", "per", "order",
                 "canary", "probation", "go", "max_failures", "until", "window", "method", "force",
                 "timeout", "heal", "fresh", "source", "contents_pillar", "sls", "file", "template",
                 "saltenv", "previous", "command", "reboot", "host_timeout") %}
{%-   if call.get(word) is not none %}
{%-     do words.update({word: call[word]}) %}
{%-   endif %}
{%- endfor %}

All pairs are done:
  dhcp_failover.fleet:
    - kind: {{ call.get("kind", "restart") | tojson }}
    - given: {{ call | list | tojson }}
    - words: {{ words | tojson }}

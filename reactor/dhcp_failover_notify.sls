#!py
"""
Reaction to the end of a run and to a server's beacon: one message to a webhook.

The address is in the master's configuration, readable by root alone:

    dhcp_failover:
      notify:
        url: https://chat.example.com/hooks/xyz       # gets {"text": SENTENCE} as JSON

Treat the address as a secret: it is among the runner's arguments in the master's job cache. Salt's
slack module keeps it out of there: with slack:hook in the master's configuration put

    "runner.salt.cmd": [
        {"args": [{"fun": "slack.call_hook"}, {"message": f"{sender}: {clean}"}]}
    ]

in the place of runner.http.query. Events are untrusted: the sentence is shortened, and it is text
in JSON, never a part of a command.
"""

import json


def run():
    settings = opts.get("dhcp_failover") or {}
    url = (settings.get("notify") or {}).get("url")
    inner = data.get("data") if isinstance(data.get("data"), dict) else data
    text = inner.get("text")
    if not url or not isinstance(text, str):
        return {}
    clean = "".join(one if one.isprintable() else " " for one in text)[:500]
    sender = str(data.get("id") or inner.get("pair") or "")[:100]
    return {
        "Somebody is told": {
            "runner.http.query": [
                {
                    "args": [
                        {"url": url},
                        {"method": "POST"},
                        {"data": json.dumps({"text": f"{sender}: {clean}"})},
                        {"header_dict": {"Content-Type": "application/json"}},
                        {"raise_error": False},
                    ]
                }
            ],
        }
    }

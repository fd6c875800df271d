#!py
"""
Reaction to the end of a run and to a server's beacon: somebody is told what happened, to which pair
or server, its cause, and the next step. By a webhook, by Slack, or both, as the master's
configuration says:

    dhcp_failover:
      notify:
        url: https://chat.example.com/hooks/xyz     # gets {"text": MESSAGE} as JSON
        slack: True                                 # Salt's slack_notify, with its setting slack:hook
    slack:
      hook: T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX

Treat the address as a secret: it is among the runner's arguments in the master's job cache. The
hook of Slack stays out of there. Events are untrusted: every text is shortened and loses what does
not print, and it is text in JSON, never a part of a command.
"""

import json

LONGEST = 1000


def clean(text):
    words = ", ".join(map(str, text)) if isinstance(text, list) else str(text)
    return "".join(one if one.isprintable() else " " for one in words)[:LONGEST]


def message():
    """What happened, its cause and the next step, a line each; none where there is nothing to tell."""
    event = data.get("data") if isinstance(data.get("data"), dict) else data
    text, minion = event.get("text"), data.get("id")
    if not isinstance(text, str):
        return []
    if event.get("cause"):
        done = event.get("restarted") or event.get("done")
        return [
            f"{clean(event.get('pair'))}: a run of {clean(event.get('who'))} has FAILED"
            + (f"; done before: {clean(done)}" if done else ""),
            f"Cause: {clean(event['cause'])}",
            f"Next: {clean(event.get('next'))}",
        ]
    told = [f"{clean(minion)}: {clean(text)}" if minion else clean(text)]
    bad = event.get("active") is True or event.get("running") is False
    if minion and (bad or event.get("state", "normal") != "normal"):
        told.append(f"Next: salt-run dhcp_failover.doctor {clean(minion)}")
    return told


def webhook(url, told):
    return [
        {"url": url},
        {"method": "POST"},
        {"data": json.dumps({"text": "\n".join(told)})},
        {"header_dict": {"Content-Type": "application/json"}},
        {"raise_error": False},
    ]


def slack(told):
    # What Slack would take for a link or a call to everybody.
    first, *more = (
        one.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for one in told
    )
    said = [{"fun": "slack.call_hook"}, {"message": first}]
    if more:
        said += [{"attachment": "\n".join(more)}, {"color": "danger"}]
    return said


def run():
    settings = (opts.get("dhcp_failover") or {}).get("notify") or {}
    told, reactions = message(), {}
    if told and settings.get("url"):
        called = {"runner.http.query": [{"args": webhook(settings["url"], told)}]}
        reactions["A webhook is called"] = called
    if told and settings.get("slack"):
        reactions["Slack is told"] = {"runner.salt.cmd": [{"args": slack(told)}]}
    return reactions

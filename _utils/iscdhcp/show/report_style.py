"""How a run's page looks (:mod:`iscdhcp.show.report`)."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="generator" content="{generator}">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root {{ --text: #1c2227; --dim: #5b6770; --page: #ffffff; --card: #f3f5f7; --line: #d9dfe4;
  --good: #2e7d32; --alone: #b26500; --down: #b71c1c; --mute: #3d5a80; --unknown: #6f7b85;
  --step-a: #dfe5ea; --step-b: #cfd8df; --good-back: #e9f5ea; --mind-back: #fdf3e0;
  --bad-back: #fbe9e7; --open-back: #e6eef7; }}
@media (prefers-color-scheme: dark) {{ :root {{ --text: #e4e8eb; --dim: #9aa7b1; --page: #14181b;
  --card: #1f252a; --line: #333c43; --good: #3c8f41; --alone: #b87414; --down: #cf3f3a;
  --mute: #5478a6; --unknown: #6f7b85; --step-a: #2b343b; --step-b: #38434b;
  --good-back: #18281a; --mind-back: #2d2412; --bad-back: #321a19; --open-back: #1a2533; }} }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  margin: 0 auto; max-width: 62rem; padding: 1.2rem 1rem 3rem; color: var(--text);
  background: var(--page); overflow-wrap: anywhere; }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .6rem; }}
.dim {{ color: var(--dim); margin: .2rem 0; font-size: .92rem; }}
.verdict {{ padding: .8rem 1rem; border-left: 6px solid; border-radius: 4px; margin: 1rem 0; }}
.verdict.good {{ border-color: var(--good); background: var(--good-back); }}
.verdict.mind {{ border-color: var(--alone); background: var(--mind-back); }}
.verdict.bad {{ border-color: var(--down); background: var(--bad-back); }}
.verdict.open {{ border-color: var(--mute); background: var(--open-back); }}
.tiles {{ display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); }}
.tiles div {{ background: var(--card); border-radius: 6px; padding: .55rem .8rem; }}
.tiles b {{ display: block; font-size: 1.15rem; }}
.tiles span {{ color: var(--dim); font-size: .85rem; }}
svg {{ display: block; }} svg text {{ font-size: 13px; fill: var(--text); }}
svg line {{ stroke: var(--line); }}
svg .tick, svg tspan.dim {{ fill: var(--dim); font-size: 12px; }}
svg .name {{ font-weight: 600; }} svg tspan.dim {{ font-weight: 400; }}
svg .state .in {{ fill: #fff; }}
svg .step .in {{ font-size: 11.5px; }}
.step.even rect {{ fill: var(--step-a); }} .step.odd rect {{ fill: var(--step-b); }}
g.good rect {{ fill: var(--good); }}
g.alone rect {{ fill: var(--alone); stroke: var(--alone); stroke-width: 2; }}
g.down rect {{ fill: var(--down); stroke: var(--down); stroke-width: 3; }}
g.mute rect {{ fill: var(--mute); stroke: var(--mute); stroke-width: 2; }}
g.answer.good circle {{ fill: var(--good); }}
g.answer.silent circle {{ fill: none; stroke: var(--down); stroke-width: 2; }}
g.life.silent rect {{ fill: var(--down); }}
g.unknown rect {{ fill: var(--unknown); stroke: var(--unknown); stroke-width: 2; }}
g.pause rect {{ fill: var(--text); fill-opacity: .12; stroke: var(--text); stroke-opacity: .5;
  stroke-dasharray: 4 3; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .3rem 1.1rem;
  font-size: .88rem; margin: .5rem 0; }}
.chip {{ display: inline-block; width: .8em; height: .8em;
  border-radius: 2px; margin-right: .4em; }}
.chip.good {{ background: var(--good); }} .chip.alone {{ background: var(--alone); }}
.chip.down {{ background: var(--down); }} .chip.mute {{ background: var(--mute); }}
.chip.answered {{ background: var(--good); border-radius: 50%; }}
.chip.silent {{ border: 2px solid var(--down); border-radius: 50%; box-sizing: border-box; }}
.chip.life {{ height: .3em; vertical-align: middle; }}
.chip.life.silent {{ border: 0; border-radius: 2px; background: var(--down); }}
.chip.unknown {{ background: var(--unknown); }}
.chip.pause {{ background: transparent; border: 1px dashed var(--text); }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
td, th {{ text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }}
th {{ color: var(--dim); font-weight: 500; font-size: .85rem; }}
.n {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
.failed {{ color: var(--down); }} .scroll {{ overflow-x: auto; }}
.story {{ font-size: .86rem; }} .story td:nth-child(2) {{ white-space: nowrap; }}
.story .dhcpd td {{ color: var(--dim); }}
.story .c {{ font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .8rem; width: 99%; }}
details {{ margin-top: 1.6rem; }}
summary {{ cursor: pointer; font-weight: 600; margin-bottom: .5rem; }}
li {{ margin: .2rem 0; }} ul {{ padding-left: 1.2rem; }}
@media (max-width: 40rem) {{
  body {{ padding: .9rem .8rem 2rem; }} h1 {{ font-size: 1.4rem; }}
  .steps th {{ display: none; }}
  svg.time {{ min-width: 52rem; }}
  .steps tr, .story tr {{ display: grid; grid-template-columns: 1fr auto;
    border-bottom: 1px solid var(--line); padding: .35rem 0; }}
  .story tr {{ grid-template-columns: auto 1fr; }}
  .steps td, .story td {{ border: 0; padding: 0 .6rem 0 0; }}
  .steps td:first-child {{ font-weight: 600; }} .c {{ grid-column: 1 / -1; width: auto; }}
}}
@media print {{ details > * {{ display: block; }} }}
</style></head><body>
{body}
</body></html>
"""

"""The look of a report: a style sheet that needs nothing from outside."""

STYLE = """
:root { --ink: #1d2733; --soft: #5a6878; --line: #dfe5ec; --card: #ffffff;
        --back: #f4f6f9; --accent: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
       font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 1.6rem; margin: 8px 0 4px; }
h2 { font-size: 1.15rem; margin: 36px 0 10px; }
h3 { font-size: 1rem; margin: 0 0 8px; }
p { margin: 4px 0 10px; max-width: 75ch; }
.soft, figcaption { color: var(--soft); font-size: .85rem; }
.grid { display: grid; gap: 14px; align-items: start;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.wide { grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1000px) { .wide { grid-template-columns: 9fr 12fr; } }
.tiles { display: grid; gap: 10px;
         grid-template-columns: repeat(auto-fill, minmax(min(46%, 165px), 1fr)); }
.card, .tile, figure { background: var(--card); border: 1px solid var(--line);
         border-radius: 10px; padding: 14px; margin: 0; min-width: 0; }
.tile b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.tile code { font-size: .7rem; }
code { overflow-wrap: anywhere; color: var(--soft); font-size: .8rem;
       font-family: ui-monospace, "Liberation Mono", monospace; }
img { display: block; max-width: 100%; height: auto; }
img.pixels { image-rendering: pixelated; width: 100%; }
figure img.chart { width: 100%; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
          border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; }
th, td { text-align: left; padding: 7px 8px; border-top: 1px solid var(--line);
         vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums;
            white-space: nowrap; }
th.number { text-align: right; }
tr.best td { background: #e8f3f0; font-weight: 600; }
td.value { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(90px, max-content) 1fr; margin: 0;
     gap: 3px 14px; font-size: .88rem; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
.pairs { display: grid; gap: 10px;
         grid-template-columns: repeat(auto-fill, minmax(min(47%, 165px), 1fr)); }
.note { border-left: 3px solid #d9a441; padding: 2px 10px; margin: 8px 0; }
"""

# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of rates as SVG: both axes logarithmic, a line a program."""
import math
import statistics
from xml.sax.saxutils import escape

from lab import latency
from lab.report import amount

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 48, 56
COLOURS = {"portier": "#c1121f", "testpmd io": "#8a8a8a", "testpmd 5tswap": "#1d6fb8", "OVS-DPDK ports": "#2a9d8f",
           "OVS-DPDK ct": "#14635a", "kernel nft": "#b5838d", "kernel nft ct": "#6d4c7d", "portier, denied flood": "#f4845f",
           "kernel nft, denied flood": "#a5a58d", "1 K flows": "#2a9d8f", "64 K flows": "#c1121f", "1 M flows": "#1d6fb8"}
OTHER = "#444444"


class Axis:
    """From a value to a place. Zero is drawn one step before the least value: a logarithm has no room for it."""

    def __init__(self, values, start, end, margin=1.0):
        positive = sorted({value for value in values if value > 0}) or [1]
        self.zero = positive[0] / 10
        self.low = (self.zero if min(values) <= 0 else positive[0]) / margin
        self.high = positive[-1] * margin
        if self.low == self.high:
            self.low, self.high = self.low / 2, self.high * 2
        self.start, self.end = start, end

    def at(self, value):
        share = math.log(max(value, self.zero) / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        """1, 2 and 5 of each power of ten."""
        least, most = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        return [step * 10.0 ** power for power in range(least, most + 1) for step in (1, 2, 5)
                if self.low <= step * 10.0 ** power <= self.high]


def tag(name, text=None, **attributes):
    shown = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name} {shown}/>" if text is None else f"<{name} {shown}>{escape(str(text))}</{name}>"


def grid(x, y, names, axis_text):
    for value in y.ticks():
        at = f"{y.at(value):.1f}"
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, stroke="#dddddd")
        yield tag("text", f"{value:g}", x=LEFT - 8, y=float(at) + 4, text_anchor="end")
    for value, name in names:
        at = f"{x.at(value):.1f}"
        yield tag("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, stroke="#eeeeee")
        yield tag("text", name, x=at, y=HEIGHT - BOTTOM + 18, text_anchor="middle")
    yield tag("text", axis_text, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 14, text_anchor="middle")


def line(x, y, name, points, label_at):
    colour = COLOURS.get(name, OTHER)
    path = " ".join(f"{x.at(at):.1f},{y.at(rate):.1f}" for at, rate in points)
    yield tag("polyline", points=path, fill="none", stroke=colour, stroke_width=3 if name.startswith("portier") else 2)
    for at, rate in points:
        yield tag("circle", cx=f"{x.at(at):.1f}", cy=f"{y.at(rate):.1f}", r=3.5, fill=colour)
    yield tag("line", x1=f"{x.at(points[-1][0]):.1f}", y1=f"{y.at(points[-1][1]):.1f}", x2=WIDTH - RIGHT + 10, y2=label_at - 4,
              stroke=colour, stroke_width=0.6)
    yield tag("text", name, x=WIDTH - RIGHT + 14, y=label_at, fill=colour)


def label_places(y, series):
    """Beside the ends of their lines, as far as they have room for themselves."""
    places, last = {}, TOP - 16.0
    for name, points in sorted(series.items(), key=lambda one: y.at(one[1][-1][1])):
        last = places[name] = max(y.at(points[-1][1]) + 4, last + 16)
    over = max(0.0, last - (HEIGHT - BOTTOM))
    return {name: place - over for name, place in places.items()}


def picture(title, axis_text, series, name_of=amount):
    """series: name to list of (place on the axis, value)."""
    series = {name: sorted(points) for name, points in series.items() if points}
    x = Axis([at for points in series.values() for at, _ in points], LEFT + 20, WIDTH - RIGHT - 20)
    y = Axis([rate for points in series.values() for _, rate in points], HEIGHT - BOTTOM, TOP, 1.15)
    places = label_places(y, series)
    names = [(at, name_of(at)) for at in sorted({at for points in series.values() for at, _ in points})]
    parts = [tag("rect", width=WIDTH, height=HEIGHT, fill="#ffffff"),
             tag("text", title, x=LEFT, y=24, font_size=16, font_weight="bold"), *grid(x, y, names, axis_text)]
    for name, points in series.items():
        parts += line(x, y, name, points, places[name])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">\n' + "\n".join(parts) + "\n</svg>\n")


def collect(rows, key, what, suffix=""):
    """portier's rate is the median of what was measured beside each of its peers."""
    mine, series = {}, {}
    for one in (one for one in rows if one["what"] == what):
        mine.setdefault(one[key], []).append(one["mpps"])
        if not one["peer"].startswith("portier") and one["peer"] != "kernel veth alone" and one["peer_mpps"] > 0:
            series.setdefault(one["peer"] + suffix, []).append((one[key], one["peer_mpps"]))
    if mine:
        series["portier" + suffix] = [(at, statistics.median(rates)) for at, rates in mine.items()]
    return series


def workers_series(rows):
    """The first point, of one worker, is that of the same number of flows and no rules."""
    wanted = [one for one in rows if one["what"] == "workers"]
    flows = wanted[0]["flows"] if wanted else None
    first = [one for one in rows if one["what"] == "flows" and one["flows"] == flows and one["peer"] == "testpmd 5tswap"]
    return collect([dict(one, what="workers") for one in first] + wanted, "workers", "workers")


def latency_series(rows):
    """Places are one over the share of the packets that took longer: ten for 90 %."""
    return {f"{amount(one['flows'])} flows": [(1 / (1 - share), latency.quantile(one["latency"]["distribution"], share))
                                              for share in latency.SHARES]
            for one in rows if "latency" in one}


def write_all(folder, rows):
    """flows.svg, rules.svg, workers.svg and latency.svg, each if there is something to draw. Returns the names."""
    flood = ", denied flood"
    pictures = {
        "flows": ("One worker: rate against number of flows", "flows", collect(rows, "flows", "flows")),
        "rules": ("One worker: rate against number of rules", "rules",
                  collect(rows, "rules", "rules") | collect(rows, "rules", "denied flood", suffix=flood)),
        "workers": ("Rate against number of workers", "workers", workers_series(rows)),
    }
    texts = {name: picture(f"{title} (million packets a second)", axis_text, series)
             for name, (title, axis_text, series) in pictures.items() if series}
    times = latency_series(rows)
    if times:
        texts["latency"] = picture("One worker, a source that never rests: latency in nanoseconds", "of all packets", times,
                                   lambda at: f"{100 - 100 / at:g} %")
    for name, text in texts.items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    return [f"{name}.svg" for name in texts]

"""Charts as inline SVG: lines with whiskers, and bars. Made for a column of 360 to 480 pixels, so that text
keeps its size on a phone. Colours are the page's (classes c0 to c7). What is drawn says what it shows
(data-series, data-x, data-value), for those who look without eyes."""
import collections
import html
import math

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 26, 44
BAR, BAR_TEXT = 15, 17

# y: what is plotted; low, high: its spread; text: for the tooltip; mark: it got worse.
Point = collections.namedtuple("Point", "x y low high text mark", defaults=("", False))
Series = collections.namedtuple("Series", "name points color dashed", defaults=(False,))
Bar = collections.namedtuple("Bar", "name value low high color text", defaults=("",))


def esc(x):
    return html.escape(str(x), quote=True)


def human(x):
    """A number as an axis says it: three digits at most, with k and M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(x) >= size:
            return "%.3g%s" % (x / size, letter)
    return "%.3g" % x


class Scale:
    """From values to places, and where its ticks are."""

    def __init__(self, low, high, begin, end, log=False, zero=True):
        self.log, self.begin, self.end = log, begin, end
        if log:
            self.low, self.high = 10 ** math.floor(math.log10(low) + 1e-9), 10 ** math.ceil(math.log10(high) - 1e-9)
            if self.low == self.high:
                self.high *= 10
            if self.high / self.low > 10 and low / self.low >= 5:
                self.low *= 5
            if self.high / self.low > 10 and self.high / high >= 2:
                self.high /= 2 if self.high / high < 5 else 5
        else:
            low = min(0, low) if zero else low
            high = high if high > low else low + 1
            self.step = self.nice((high - low) / 4)
            self.low, self.high = math.floor(low / self.step) * self.step, math.ceil(high / self.step - 1e-9) * self.step

    @staticmethod
    def nice(step):
        base = 10 ** math.floor(math.log10(step))
        return next(base * k for k in (1, 2, 2.5, 5, 10) if base * k >= step * (1 - 1e-9))

    def at(self, v):
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        v = math.log(max(v, self.low)) if self.log else v
        return self.begin + (v - low) / (high - low) * (self.end - self.begin)

    def ticks(self):
        if not self.log:
            n = round((self.high - self.low) / self.step)
            return [self.low + i * self.step for i in range(n + 1)]
        decades = math.log10(self.high / self.low)
        steps = (1,) if decades > 3 else (1, 3) if decades > 1.7 else (1, 2, 5)
        first = math.floor(math.log10(self.low))
        found = [k * 10 ** e for e in range(first, math.ceil(math.log10(self.high)) + 1) for k in steps]
        return [t for t in found if self.low * 0.999 <= t <= self.high * 1.001]


def figure(name, title, note, body, legend=""):
    caption = "<figcaption><h3>%s</h3>%s</figcaption>" % (esc(title), "<p>%s</p>" % esc(note) if note else "")
    return '<figure data-chart="%s">%s%s%s</figure>' % (esc(name), caption, legend, body)


def legend_of(series):
    items = ('<li><svg viewBox="0 0 22 10" aria-hidden="true"><path class="line c%d%s" d="M1 5H21"/></svg>%s</li>' % (
        s.color, " dashed" if s.dashed else "", esc(s.name)) for s in series)
    return '<ul class="legend">%s</ul>' % "".join(items)


def axes(x, y, x_label, y_label, x_names=None):
    """Grid, ticks and labels; x_names: texts in the place of numbers."""
    out, bottom = [], HEIGHT - BOTTOM
    for t in y.ticks():
        at = y.at(t)
        out.append('<path class="grid" d="M%d %.1fH%d"/><text class="tick y" data-tick="%r" x="%d" y="%.1f">%s</text>' % (
            LEFT, at, WIDTH - RIGHT, t, LEFT - 6, at + 4, human(t)))
    every = max(1, math.ceil(len(x_names) / 6)) if x_names else 1
    for i, t in enumerate(range(len(x_names)) if x_names else x.ticks()):
        if (len(x_names) - 1 - i if x_names else i) % every:
            continue
        out.append('<text class="tick x" data-tick="%r" x="%.1f" y="%d">%s</text>' % (
            t, x.at(t), bottom + 16, esc(x_names[t]) if x_names else human(t)))
    out.append('<path class="axis" d="M%d %dH%d"/>' % (LEFT, bottom, WIDTH - RIGHT))
    out.append('<text class="label x" x="%d" y="%d">%s</text>' % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, esc(x_label)))
    out.append('<text class="label y" x="2" y="12">%s</text>' % esc(y_label))
    return "".join(out)


def drawn(series, x, y):
    at = [(x.at(p.x), y.at(p.y), p) for p in series.points]
    out = ['<g class="c%d" data-series="%s">' % (series.color, esc(series.name))]
    if len(at) > 1:
        out.append('<path class="line%s" d="M%s"/>' % (" dashed" if series.dashed else "", "L".join("%.1f %.1f" % a[:2] for a in at)))
    for cx, cy, p in at:
        if p.high > p.low:
            out.append('<path class="spread" d="M%.1f %.1fV%.1f"/>' % (cx, y.at(p.low), y.at(p.high)))
        out.append('<circle class="%s" cx="%.1f" cy="%.1f" r="%s" data-x="%s" data-value="%r"><title>%s</title></circle>' % (
            "worse" if p.mark else "dot", cx, cy, "6" if p.mark else "3.2", esc(p.x), p.y, esc(p.text)))
    return "".join(out) + "</g>"


def lines(name, title, series, x_label, y_label, note="", x_log=True, y_log=False, x_names=None, zero=True):
    """Series over x. Nothing where there are no points."""
    series = [s for s in series if s.points]
    if not series:
        return ""
    points = [p for s in series for p in s.points]
    xs = [p.x for p in points]
    if x_names:
        x = Scale(0, 1, LEFT + 12, WIDTH - RIGHT - 12)
        x.low, x.high = 0, max(1, len(x_names) - 1)
    elif min(xs) == max(xs):
        x = Scale(min(xs) / 3, min(xs) * 3, LEFT + 8, WIDTH - RIGHT - 8, True)
    else:
        x = Scale(min(xs), max(xs), LEFT + 8, WIDTH - RIGHT - 8, x_log)
    y = Scale(min(p.low for p in points), max(p.high for p in points), HEIGHT - BOTTOM, TOP, y_log, zero)
    body = '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s%s</svg>' % (
        WIDTH, HEIGHT, esc(title), axes(x, y, x_label, y_label, x_names), "".join(drawn(s, x, y) for s in series))
    return figure(name, title, note, body, legend_of(series) if len(series) > 1 else "")


def bars(name, title, rows, unit, note="", log=False):
    """Horizontal bars, each under its name, with its value beside it."""
    if not rows:
        return ""
    height = TOP + len(rows) * (BAR + BAR_TEXT + 7)
    longest = max(r.high for r in rows)
    least = min(r.value for r in rows if r.value > 0)
    scale = Scale(least / 3, longest, 2, WIDTH - 92, True) if log else Scale(0, longest, 2, WIDTH - 92)
    if not log:
        scale.low, scale.high = 0, longest
    out = ['<text class="label y" x="2" y="12">%s%s</text>' % (esc(unit), ", logarithmic" if log else "")]
    for i, r in enumerate(rows):
        top = TOP + i * (BAR + BAR_TEXT + 7)
        end = scale.at(r.value)
        out.append('<g class="c%d" data-series="%s"><text class="name" x="2" y="%d">%s</text>' % (r.color, esc(r.name), top + 12, esc(r.name)))
        out.append('<rect class="bar" x="2" y="%d" width="%.1f" height="%d" rx="2" data-value="%r"><title>%s</title></rect>' % (
            top + BAR_TEXT, max(end - 2, 1), BAR, r.value, esc(r.text)))
        if r.high > r.low:
            out.append('<path class="spread over" d="M%.1f %dH%.1f"/>' % (scale.at(r.low), top + BAR_TEXT + BAR // 2, scale.at(r.high)))
        out.append('<text class="value" x="%.1f" y="%d">%s</text></g>' % (max(end, scale.at(r.high)) + 5, top + BAR_TEXT + 12, human(r.value)))
    body = '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>' % (WIDTH, height, esc(title), "".join(out))
    return figure(name, title, note, body)

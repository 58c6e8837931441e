"""The figures of a soak as one SVG: a panel for each figure, a line for each process. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.census import Series

WIDTH, PANEL, LEFT, TOP = 860, 170, 90, 34
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#4a4a4a", "#008b8b", "#d4007a")
TITLES = {
    "rss": "resident memory, MiB",
    "fds": "open file descriptors",
    "tasks": "asyncio tasks",
    "subscriptions": "subscriptions at the server",
    "connections": "connections at the server",
    "consumers": "JetStream consumers",
}


def drawn(series: Sequence[Series]) -> str:
    """The picture."""
    figures = [figure for figure in TITLES if any(one.figure == figure for one in series)]
    processes = list(dict.fromkeys(one.process for one in series))
    colours = {process: COLOURS[number % len(COLOURS)] for number, process in enumerate(processes)}
    panels = [
        _panel(figure, [one for one in series if one.figure == figure], colours, TOP + number * PANEL)
        for number, figure in enumerate(figures)
    ]
    height = TOP + PANEL * len(figures) + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    background = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, background, _legend(colours), *panels, "</svg>", ""])


def _legend(colours: dict[str, str]) -> str:
    words = [
        f'<text x="{LEFT + number * 120}" y="20" font-size="12" fill="{colour}">{process}</text>'
        for number, (process, colour) in enumerate(colours.items())
    ]
    return "\n".join(words)


def _panel(figure: str, lines: Sequence[Series], colours: dict[str, str], top: int) -> str:
    scale = 2**20 if figure == "rss" else 1
    most = max((value for line in lines for _, value in line.points), default=1) / scale or 1
    longest = max((at for line in lines for at, _ in line.points), default=1) or 1
    inner, high = WIDTH - LEFT - 20, PANEL - 50
    floor = top + 24 + high
    drawn_lines = [
        f'<polyline fill="none" stroke="{colours[line.process]}" stroke-width="1.5" points="'
        + " ".join(
            f"{LEFT + inner * at / longest:.1f},{floor - high * value / scale / most:.1f}" for at, value in line.points
        )
        + '"/>'
        for line in lines
    ]
    right = LEFT + inner
    return "\n".join(
        [
            f'<text x="{LEFT}" y="{top + 16}" font-size="13" fill="#222">{TITLES[figure]}</text>',
            f'<path d="M{LEFT} {floor - high}V{floor}H{right}" fill="none" stroke="#999"/>',
            _mark(LEFT - 8, floor - high + 5, f"{most:,.0f}"),
            _mark(LEFT - 8, floor + 4, "0"),
            _mark(right, floor + 15, f"{longest:.0f} min"),
            *drawn_lines,
        ]
    )


def _mark(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="11" text-anchor="end" fill="#555">{text}</text>'

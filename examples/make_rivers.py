"""Make a messy CSV: 100,000 measurements of German rivers, as a laboratory might export them.

usage: .venv/bin/python examples/make_rivers.py [file] [number of rows]

Semicolons, decimal commas, German dates, Windows-1252, two columns of one name, words for missing
values, quoted line breaks, rows that are too short or too long, blank lines. The measurements are
made up, and are the same each time: `measurements` yields them as they are meant.
"""

import math
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

ROWS = 100_000

HEADER = (
    "Messung;Messstelle;Fluss;Datum;Temperatur;Temperatur;"
    "pH-Wert;Sauerstoff (mg/l);Güteklasse;Bemerkung"
)

STATIONS = {
    "Köln": "Rhein",
    "Düsseldorf": "Rhein",
    "Würzburg": "Main",
    "Tübingen": "Neckar",
    "Görlitz": "Neiße",
    "Lübeck": "Trave",
    "Mühldorf": "Inn",
    "Fürth": "Regnitz",
}

MISSING = ("", "k. A.", "n. b.", "fehlt", "---")

REMARKS = (
    "nach Regen",
    "trüb; Geruch auffällig",
    'Sonde "B" getauscht',
    "„Hochwasser“ – Stufe 1",
    "Probe geteilt:\nA an Labor,\nB bleibt hier",
    "Kosten 12 €",
)


def measurements(count: int = ROWS, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Yield what was measured; a value that is missing is `None`."""
    chance = Random(seed)
    stations = list(STATIONS)
    first = date(2015, 1, 1)
    for number in range(1, count + 1):
        station = chance.choice(stations)
        day = first + timedelta(days=chance.randrange(3650))
        season = math.sin((day.timetuple().tm_yday - 110) / 365.25 * 2 * math.pi)
        water = 12 + 8 * season + chance.gauss(0, 1.5)
        air = 10 + 11 * season + chance.gauss(0, 4)
        oxygen = 14.2 - 0.33 * water + chance.gauss(0, 0.8)
        row = {
            "id": f"M-{number:06}",
            "station": station,
            "river": STATIONS[station],
            "date": day,
            "water": round(water, 1),
            "air": round(air, 1),
            "ph": round(chance.gauss(7.8, 0.25), 2),
            "oxygen": round(oxygen, 1),
            "quality": min(5, max(1, 5 - int((oxygen - 6) // 1.5))),
            "remark": chance.choice(REMARKS) if chance.random() < 0.05 else None,
        }
        for name in ("water", "air", "ph", "oxygen", "quality"):
            if chance.random() < 0.04:
                row[name] = None
        yield row


def lines(count: int = ROWS, seed: int = 7) -> Iterator[str]:
    """Yield the lines of the file with all their faults."""
    yield HEADER
    chance = Random(seed + 1)
    for row in measurements(count, seed):
        cells = [_cell(value, chance) for value in row.values()]
        if row["remark"] is None and chance.random() < 0.02:
            del cells[-1]
            if row["quality"] is None:
                del cells[-1]
        elif chance.random() < 0.01:
            cells += ["", ""]
        yield ";".join(cells)
        if chance.random() < 0.0005:
            yield ""


def _cell(value: Any, chance: Random) -> str:
    if value is None:
        return chance.choice(MISSING)
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, float):
        return str(value).replace(".", ",")
    text = str(value)
    if any(each in text for each in ';"\n'):
        text = text.replace('"', '""')
        return f'"{text}"'
    return text


def write(path: Path, count: int = ROWS, seed: int = 7) -> None:
    """Write the file."""
    with path.open("w", encoding="cp1252", newline="") as file:
        file.writelines(f"{line}\r\n" for line in lines(count, seed))


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    write(Path(arguments.get(1, "rivers.csv")), int(arguments.get(2, ROWS)))

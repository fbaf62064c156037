#!/usr/bin/env python3
"""Prints the table of `./dev bench`.

    table.py RESULTS CELLS FAMILY=BROKER,...,REFERENCE...

RESULTS has the JSON lines of `pubgrid bench`, labelled "BROKER CELL"; CELLS is cells.txt. A family is
the cells whose names begin so (ws-, js-, sio-); tcp has the others. For each cell: the median server
CPU per delivery of each broker, and the ratio to the last one, which is the reference; what the floor
costs, and how many times that the brokers cost; then rates and tails. The durable cells of tcp follow
in a table of their own, a line for each broker, because there the rates are compared (durable-online:
deliveries, not acknowledgements). Flags: * the generator was the limit, L loss, R disorder, S stalled.

SPDX-License-Identifier: Apache-2.0
"""
import json
import statistics
import sys

FAMILIES = ("ws", "js", "sio")  # besides tcp and, within it, durable
QUIET_PERCENT = 15  # what other programs may use of one processor

FLAGS = (("generator_bound", "*"), ("lost", "L"), ("reordered", "R"), ("stalled", "S"))


def read_cells(path):
    """Name -> goals, in the order of the file; goals: what (empty: the cell's first figure) -> limit."""
    cells = {}
    for line in open(path, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            name, goals, _ = (field.strip() for field in line.split("|"))
            terms = [] if goals == "-" else [term.rpartition("=") for term in goals.split(",")]
            cells[name] = {what: float(limit) for what, _, limit in terms}
    return cells


def read_results(path):
    """(broker, cell) -> list of runs."""
    runs = {}
    for line in open(path, encoding="utf-8"):
        run = json.loads(line)
        broker, cell = run["label"].split(" ", 1)
        runs.setdefault((broker, cell), []).append(run)
    return runs


def median(runs, field):
    values = [run[field] for run in runs if run.get(field) is not None]
    return statistics.median(values) if values else None


def is_connect(runs):
    return bool(runs) and runs[0]["cell"] == "connect"


def cost(runs):
    return median(runs, "server_us_per_connect" if is_connect(runs) else "server_us_per_message")


def flags(runs):
    return "".join(flag for field, flag in FLAGS if any(run[field] for run in runs))


def number(value):
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def cost_columns(runs, reference):
    mine, other = cost(runs), cost(reference)
    text = (number(mine) if mine is None or mine >= 100 else f"{mine:.2f}") + flags(runs)
    if runs is reference:
        return [text]
    return [text, f"{mine / other:.3f}" if mine and other else "-"]


def other_columns(runs):
    """Rate and p99; for connect, rate and bytes per connection."""
    if is_connect(runs):
        return [number(median(runs, "connect_rate")), number(median(runs, "rss_per_connection")) + "B"]
    return [number(median(runs, "rate")), number(median(runs, "p99_us"))]


def ratio(mine, other):
    return mine / other if mine and other else None


def goal_text(text, value, limit):
    """The goal, with a + where it is met."""
    return text + ("+" if value is not None and value <= limit else "")


def verdict(runs, first, broker, reference, goals):
    """All goals of a cell. `runs` are all runs, `first` those of the broker in it."""
    texts = []
    for what, limit in goals.items():
        if what == "p99":
            value = ratio(median(first, "p99_us"), median(reference, "p99_us"))
            texts.append(goal_text(f"p99 {limit:g}", value, limit))
        elif what:
            value = ratio(cost(first), cost(runs.get((broker, what), [])))
            texts.append(goal_text(f"{limit:g} {what}", value, limit))
        elif is_connect(first):
            texts.append(goal_text(f"{limit:.0f}B", median(first, "rss_per_connection"), limit))
        else:
            texts.append(goal_text(f"{limit:g}", ratio(cost(first), cost(reference)), limit))
    return ", ".join(texts)


def floor_columns(measured, floor):
    """What the floor costs, and the brokers as multiples of it."""
    base = cost(floor)
    multiples = [ratio(cost(each), base) for each in measured]
    return [number(base) + flags(floor)] + ["-" if each is None else f"{each:.2f}x" for each in multiples]


def family_of(cell):
    word = cell.split("-")[0]
    return word if word in FAMILIES + ("durable",) else "tcp"


def measured_cells(cells, runs, brokers, family):
    """Name, goals and each broker's runs of the cells of that family that have any."""
    for cell, goals in cells.items():
        measured = [runs.get((broker, cell), []) for broker in brokers]
        if any(measured) and family_of(cell) == family:
            yield cell, goals, measured


# Title, field, and whether its ratio is printed too.
DURABLE_COLUMNS = (
    ("ack/s", "rate", True),
    ("p50 us", "p50_us", False),
    ("p99 us", "p99_us", False),
    ("us", "server_us_per_message", False),
    ("drain/s", "drain_rate", True),
    ("first ms", "first_ms", False),
    ("drain us", "drain_server_us_per_message", False),
    ("B/message", "anonymous_per_message", False),
)


def durable_row(runs, reference):
    row = []
    for _, field, compared in DURABLE_COLUMNS:
        mine, other = median(runs, field), median(reference, field)
        row.append(number(mine) + (flags(runs) if field == "rate" else ""))
        if compared:
            row.append("" if runs is reference else f"{mine / other:.2f}" if mine and other else "-")
    return row


def durable_goal(runs, reference, goals):
    goal = goals.get("")
    if goal is None or runs is reference:
        return ""
    mine, other = median(runs, "rate"), median(reference, "rate")
    return f"{goal:g}" + ("+" if mine and other and mine / other >= goal else "")


def make_durable_rows(cells, runs, brokers):
    rows = [["cell", "broker"]]
    for title, _, compared in DURABLE_COLUMNS:
        rows[0] += [title] + (["ratio"] if compared else [])
    rows[0] += ["goal"]
    for cell, goals, measured in measured_cells(cells, runs, brokers, "durable"):
        for broker, each in zip(brokers, measured):
            rows.append([cell, broker, *durable_row(each, measured[-1]), durable_goal(each, measured[-1], goals)])
    return rows


def print_rows(rows):
    """False: there is only the head."""
    if len(rows) == 1:
        return False
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        _, *rest = (text.rjust(width) for text, width in zip(row, widths))
        print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return True


def make_rows(cells, runs, brokers, family):
    reference = brokers[-1]
    rows = [["cell"]]
    for broker in brokers:
        rows[0] += [f"{broker} us"] + ([] if broker == reference else ["ratio"])
    rows[0] += ["goal"]
    floors = {cell: runs.get(("floor", cell), []) for cell in cells}
    with_floor = any(floors[cell] for cell, _, _ in measured_cells(cells, runs, brokers, family))
    if with_floor:
        rows[0] += ["floor us"] + brokers
    for broker in brokers:
        rows[0] += [f"{broker} /s", "p99 us"]
    for cell, goals, measured in measured_cells(cells, runs, brokers, family):
        row = [cell]
        for each in measured:
            row += cost_columns(each, measured[-1])
        row += [verdict(runs, measured[0], brokers[0], measured[-1], goals)]
        if with_floor:
            row += floor_columns(measured, floors[cell])
        for each in measured:
            row += other_columns(each)
        rows.append(row)
    return rows


def others(runs):
    """What other programs used meanwhile, in percent of one processor."""
    return median([run for group in runs.values() for run in group], "others_cpu_percent") or 0


def main():
    results, cells, *families = sys.argv[1:]
    runs = read_results(results)
    cells = read_cells(cells)
    families = {name: brokers.split(",") for name, _, brokers in (each.partition("=") for each in families)}
    for name, brokers in families.items():
        if print_rows(make_rows(cells, runs, brokers, name)):
            print("\nus: server CPU per delivery (connect, idle: per connection; p99 there is bytes per"
                  " connection);\nNx: times the floor, which only passes the bytes on\n")
    if print_rows(make_durable_rows(cells, runs, families["tcp"])):
        print("\nus: server CPU per acknowledged or drained message; p50, p99: of the acknowledgement;"
              "\nB/message: anonymous memory of a queued message\n")
    print("goal: of the first broker's ratio, + where met; * generator-bound, L loss, R disorder, S stalled")
    if others(runs) > QUIET_PERCENT:
        print(f"Other programs used {others(runs):.0f} % of a processor meanwhile: trust the ratios of CPU, not"
              " the rates and tails.")


main()

#!/usr/bin/env python3
"""Prints the tables of `./dev bench server`, `events`, `pull`, `routing` and `console`.

    server.py RESULTS CELLS

RESULTS has the JSON lines of `pubgrid bench`, labelled with the cell; CELLS is the table of server.sh or another of them. What
is printed: requests (or round trips) a second, the server's CPU for each, that as a multiple of the empty
route's, deliveries for each, and the tails. A cell NAME-filter is compared with the cell NAME.

SPDX-License-Identifier: Apache-2.0
"""
import json
import statistics
import sys


def read_results(path):
    runs = {}
    for line in open(path, encoding="utf-8"):
        run = json.loads(line)
        runs.setdefault(run["label"], []).append(run)
    return runs


def median(runs, field):
    return statistics.median(run.get(field) or 0 for run in runs)


def figures(runs):
    """Of one request, however many deliveries it makes."""
    first = runs[0]
    fan = first["subscribers"] / first["publishers"] if first.get("subscribers") and first.get("publishers") else 1
    return {
        "fan": fan,
        "rate": median(runs, "rate") / fan,
        "us": median(runs, "server_us_per_message") * fan,
        "p50": median(runs, "p50_us"),
        "p99": median(runs, "p99_us"),
        "flags": "".join(flag for field, flag in (("generator_bound", "*"), ("lost", "L"), ("reordered", "R"),
                                                  ("stalled", "S")) if any(run.get(field) for run in runs)),
    }


def batch_of(arguments):
    words = arguments.split()
    return int(words[words.index("--batch") + 1]) if "--batch" in words else 1


def verdict(goals, cell, arguments, found):
    mine, texts = found[cell], []
    empty, post = found.get("requests-empty"), found.get("post")
    plain = found.get(cell.removesuffix("-filter"))
    one, two = found.get("one-subscriber"), found.get("two-subscribers")
    without = found.get("without")
    values = {
        "rate": (mine["rate"], lambda value, limit: value >= limit),
        "events": (mine["rate"] * batch_of(arguments), lambda value, limit: value >= limit),
        "posts": (mine["us"] / post["us"] if post else None, lambda value, limit: value <= limit),
        "times": (mine["us"] / empty["us"] if empty else None, lambda value, limit: value <= limit),
        "more": ((mine["us"] - one["us"]) / (two["us"] - one["us"]) if one and two else None,
                 lambda value, limit: value <= limit),
        "console": ((mine["us"] / without["us"] - 1) * 100 if without else None, lambda value, limit: value <= limit),
        "browser-us": ((mine["us"] - plain["us"]) / mine["fan"] if plain else None,
                       lambda value, limit: value <= limit),
    }
    for goal in goals.split(",") if goals != "-" else []:
        what, limit = goal.split("=")
        value, is_met = values[what]
        if value is not None:
            texts.append(f"{what} {value:.2f} (goal {limit}){'+' if is_met(value, float(limit)) else ''}")
    return ", ".join(texts)


def main():
    found = {cell: figures(runs) for cell, runs in read_results(sys.argv[1]).items()}
    print(f"{'cell':17}{'a second':>10}{'us':>10}{'deliveries':>12}{'p50 us':>9}{'p99 us':>9}  goals")
    for row in sys.argv[2].splitlines():
        cell, goals, arguments = row.split("|")
        if cell in found:
            mine = found[cell]
            print(f"{cell:17}{mine['rate']:10.0f}{mine['us']:10.2f}{mine['fan']:12.0f}{mine['p50']:9.0f}"
                  f"{mine['p99']:9.0f}  {verdict(goals, cell, arguments, found)} {mine['flags']}".rstrip())
    print("\nus: server CPU (broker and bridge) for each request; + where the goal is met;\n"
          "* generator-bound, L loss, R disorder, S stalled")


main()

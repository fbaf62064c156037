#!/usr/bin/env python3
"""Prints the table of `./dev bench growth`.

    growth.py RESULTS

RESULTS has the JSON lines of `pubgrid bench`, labelled "SERIES STEP", in the order of the steps. The
figure of a step is the median of its runs; its factor is that to the first step of the series (for
workers: two to one), the growth of a series that of the dearest step to the cheapest. Flags: * the
generator was the limit, L loss, R disorder, S stalled.

SPDX-License-Identifier: Apache-2.0
"""
import json
import statistics
import sys

FLAGS = (("generator_bound", "*"), ("lost", "L"), ("reordered", "R"), ("stalled", "S"))
GOALS = {"workers": 1.15}  # of the series whose names begin so; 1.5 else


def read_results(path):
    """Series -> step -> list of runs."""
    series = {}
    for line in open(path, encoding="utf-8"):
        run = json.loads(line)
        name, step = run["label"].split(" ", 1)
        series.setdefault(name, {}).setdefault(step, []).append(run)
    return series


def together(run, other):
    """Two generators at one broker: each counts all of its CPU time, but only its own messages."""
    costs = (run["server_us_per_message"], other["server_us_per_message"])
    both = dict(run, server_us_per_message=1 / sum(1 / cost for cost in costs),
                rate=run["rate"] + other["rate"], p99_us=max(run["p99_us"], other["p99_us"]))
    for field, _ in FLAGS:
        both[field] = run[field] or other[field]
    return both


def median(runs, field):
    return statistics.median(run[field] or 0 for run in runs)


def flags(runs):
    return "".join(flag for field, flag in FLAGS if any(run[field] for run in runs))


def main():
    print(f"{'series':18}{'step':>9}{'us':>9}{'factor':>8}{'rate':>10}{'p99 us':>9}")
    for name, steps in read_results(sys.argv[1]).items():
        if name.startswith("workers"):
            steps = {step: [together(*pair) for pair in zip(runs[::2], runs[1::2])]
                     for step, runs in steps.items()}
        costs = {step: median(runs, "server_us_per_message") for step, runs in steps.items()}
        first = next(iter(costs.values()))
        for step, runs in steps.items():
            print(f"{name:18}{step:>9}{costs[step]:9.3f}{costs[step] / first:8.2f}{median(runs, 'rate'):10.0f}"
                  f"{median(runs, 'p99_us'):9.0f} {flags(runs)}".rstrip())
        goal = GOALS.get(name.split("-")[0], 1.5)
        workers = name.startswith("workers")
        growth = list(costs.values())[-1] / first if workers else max(costs.values()) / min(costs.values())
        print(f"{name:18}{'growth':>9}{'':9}{growth:8.2f}  goal {goal:g}{'+' if growth <= goal else ''}\n")
    print("us: server CPU per delivery; growth: dearest step to cheapest (workers: two to one), + where the goal is"
          " met;\n* generator-bound, L loss, R disorder, S stalled")


main()

#!/usr/bin/env python3
"""Prints `PASSED FAILED` of one ctest report (JUnit), and on standard error what failed.

A test whose output ends with `N passed, N failed` counts as that many, any other as one; a test
that left itself out (exit status 77) counts as none, and its reason is shown. So the sum that ./dev test prints is of cases, not of programs.
SPDX-License-Identifier: Apache-2.0
"""
import re
import sys
import xml.etree.ElementTree as xml

SUMMARY = re.compile(r"^(?:\S+ )?(\d+) passed, (\d+) failed(?:, \d+ skipped)?\s*$", re.MULTILINE)
LINES_SHOWN = 40


def count(case):
    """(passed, failed, output) of one test."""
    output = case.findtext("system-out") or ""
    status = case.get("status")
    skipped = case.find("skipped")
    if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        print(f"left out: {case.get('name')}: {output.strip()[-200:]}", file=sys.stderr)
        return 0, 0, output
    sums = SUMMARY.findall(output)
    passed, failed = (int(sums[-1][0]), int(sums[-1][1])) if sums else (0, 0)
    if status != "run":
        return passed, max(failed, 1), output
    return (passed, failed, output) if sums else (1, 0, output)


def main():
    passed = failed = 0
    for case in xml.parse(sys.argv[1]).getroot().iter("testcase"):
        good, bad, output = count(case)
        passed += good
        failed += bad
        if bad:
            print(f"FAILED {case.get('name')}", file=sys.stderr)
            for line in output.rstrip().splitlines()[-LINES_SHOWN:]:
                print(f"    {line}", file=sys.stderr)
    print(passed, failed)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Prints bridge/eventgrid/fold_table.def: Unicode's simple case folding (statuses C and S of
CaseFolding.txt) as runs of characters that all go the same way, from Python's own data.

    cmake/fold_table.py > bridge/eventgrid/fold_table.def
    cmake/fold_table.py --check FILE    is FILE what would be printed? (77: other version of Unicode)

SPDX-License-Identifier: Apache-2.0
"""
import sys
import unicodedata

HEAD = """/* Made by cmake/fold_table.py from Unicode {version}: first and last character of a run, the step
 * between those that are folded, and what is added to each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
"""
ROWS_A_LINE = 4


def fold(character):
    """The simple folding. Python has the full one, which is the same wherever it is one character;
    else the small letter is, if that is one. So dotted and dotless i stay as they are."""
    folded = character.casefold()
    if len(folded) > 1:
        folded = character.lower()
    return folded if len(folded) == 1 else character


def runs():
    """[first, last, step, difference] of characters that are folded, in order."""
    found = []
    for code in range(0x80, sys.maxunicode + 1):
        difference = ord(fold(chr(code))) - code
        if not difference:
            continue
        assert len(fold(chr(code)).encode()) <= len(chr(code).encode()) * 3 // 2
        if found:
            run = found[-1]
            gap = code - run[1]
            if run[3] == difference and (gap == run[2] or run[0] == run[1] and gap <= 2):
                run[1], run[2] = code, gap
                continue
        found.append([code, code, 1, difference])
    return found


def table():
    rows = [f"{{0x{first:X}, 0x{last:X}, {step}, {difference}}}," for first, last, step, difference in runs()]
    lines = [" ".join(rows[i:i + ROWS_A_LINE]) for i in range(0, len(rows), ROWS_A_LINE)]
    return HEAD.format(version=unicodedata.unidata_version) + "".join(f"{line}\n" for line in lines)


def main():
    if sys.argv[1:2] != ["--check"]:
        sys.stdout.write(table())
        return 0
    with open(sys.argv[2], encoding="ascii") as file:
        text = file.read()
    if f"from Unicode {unicodedata.unidata_version}:" not in text:
        print("Python has another version of Unicode than the table")
        return 77
    if text != table():
        print(f"{sys.argv[2]} is not what {sys.argv[0]} makes")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

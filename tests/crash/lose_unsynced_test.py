#!/usr/bin/env python3
"""Does the library that loses what was not synced lose exactly that?

Small programs write, are killed, and what is left on the disk is looked at. They run in Python
(with the plain calls of the os module) or are LMDB's (lmdb_commits), for which the library is made.

    BIN=build/asan/bin tests/crash/lose_unsynced_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import signal
import subprocess
import sys
import tempfile
import traceback

from brokers import BIN, lose_environment

LIBRARY = os.path.join(BIN, "liblose_unsynced.so")
COMMITS = os.path.join(BIN, "lmdb_commits")
COMMON = """
import mmap, os, random, signal, sys
path = sys.argv[1] + "/file"
def opened(*flags):
    total = os.O_RDWR | os.O_CREAT
    for flag in flags:
        total |= flag
    return os.open(path, total, 0o600)
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(script, folder, seed=1, keep=0, lose=None):
    """Runs Python text; its exit status."""
    environment = lose_environment("/bin/true", LIBRARY, lose or folder, seed, keep)
    return subprocess.run([sys.executable, "-c", COMMON + script, folder],
                          env={**os.environ, **environment}, check=False, timeout=60).returncode


def left(script, before=b"", **how):
    """What a file that had some content has after a script that kills itself."""
    with tempfile.TemporaryDirectory() as folder:
        if before:
            with open(f"{folder}/file", "wb") as file:
                file.write(before)
        assert run(script, folder, **how) == -signal.SIGKILL
        with open(f"{folder}/file", "rb") as file:
            return file.read()


# ---------------------------------------------------------------- lost and not lost


def test_what_is_not_synced_is_lost():
    for call in ("os.write(f, b'new')", "os.pwrite(f, b'new', 1)", "os.writev(f, [b'n', b'ew'])",
                 "os.pwritev(f, [b'n', b'ew'], 1)", "os.ftruncate(f, 1)", "os.ftruncate(f, 100)",
                 "os.posix_fallocate(f, 0, 100)", "os.close(os.dup(f)); os.write(f, b'new')"):
        assert left(f"f = opened(); {call}; os.close(f); die()", b"old") == b"old", call


def test_what_is_synced_stays():
    for call in ("os.fsync(f)", "os.fdatasync(f)", "os.sync()", "os.fdatasync(opened())",
                 "os.fsync(os.open(path, os.O_RDONLY))",
                 "__import__('ctypes').CDLL(None).sync_file_range(f, 0, 0, 7)"):
        assert left(f"f = opened(); os.write(f, b'new'); {call}; os.pwrite(f, b'x', 0); die()",
                    b"old text") == b"new text", call


def test_a_descriptor_that_syncs_by_itself():
    for flag in "os.O_DSYNC", "os.O_SYNC":
        assert left(f"f = opened({flag}); os.write(f, b'n'); os.pwrite(f, b'w', 2); die()",
                    b"old") == b"nlw"
    assert left("f = opened(); os.pwritev(f, [b'new'], 0, os.RWF_DSYNC); die()", b"old") == b"new"
    # It makes durable what it writes, and nothing that another descriptor has written before.
    assert left("f, d = opened(), opened(os.O_DSYNC); os.pwrite(f, b'xxxx', 0); "
                "os.pwrite(d, b'y', 1); die()", b"abcdef") == b"aycdef"
    assert left("f, d = opened(), opened(os.O_DSYNC); os.pwrite(f, b'xxxx', 0); "
                "os.pwrite(d, b'y', 1); os.fsync(d); die()", b"abcdef") == b"xyxxef"


def test_truncation_at_open():
    assert left("os.write(opened(), b'new'); f = opened(os.O_TRUNC); os.fsync(f); die()",
                b"old text") == b""


def test_a_rename_passes_through():
    with tempfile.TemporaryDirectory() as folder:
        status = run("os.write(opened(), b'new'); os.rename(path, path + '2'); die()", folder)
        assert status == -signal.SIGKILL
        assert os.listdir(folder) == ["file2"] and os.path.getsize(f"{folder}/file2") == 0


def test_an_end_without_kill_loses_nothing():
    with tempfile.TemporaryDirectory() as folder:
        assert run("os.write(opened(), b'new')", folder) == 0
        with open(f"{folder}/file", "rb") as file:
            assert file.read() == b"new"


def test_other_folders_are_left_alone():
    with tempfile.TemporaryDirectory() as other:
        assert left("os.write(opened(), b'new'); die()", lose=other) == b"new"


def test_a_folder_that_is_not_there():
    with tempfile.TemporaryDirectory() as folder:
        assert run("os.write(opened(), b'new')", folder, lose=folder + "/missing") == 1
        assert os.listdir(folder) == []


def test_a_child_does_not_write_what_its_parent_keeps():
    assert left("os.write(opened(), b'new')\n"
                "if os.fork() == 0: sys.exit(0)\n"
                "os.wait(); die()", b"old") == b"old"


# ---------------------------------------------------------------- seen by the program itself


def test_the_program_sees_what_it_has_written():
    script = """
f = opened()
os.pwrite(f, b"0123456789", 5)
assert os.fstat(f).st_size == os.stat(path).st_size == os.lseek(f, 0, os.SEEK_END) == 15
assert os.pread(f, 100, 0) == b"old" + bytes(2) + b"0123456789"
os.lseek(f, 4, os.SEEK_SET)
assert os.read(f, 3) == bytes(1) + b"01" and os.lseek(f, 0, os.SEEK_CUR) == 7
parts = [bytearray(2), bytearray(2)]
assert os.preadv(f, parts, 5) == 4 and parts == [b"01", b"23"]
with mmap.mmap(f, 15, mmap.MAP_SHARED, mmap.PROT_READ) as view:
    assert view[:] == b"old" + bytes(2) + b"0123456789"
    os.pwrite(f, b"xy", 1)
    assert view[:6] == b"oxy" + bytes(2) + b"0"
os.ftruncate(f, 2)
os.ftruncate(f, 4)
assert os.pread(f, 100, 0) == b"ox" + bytes(2)
a = opened(os.O_APPEND)
os.write(a, b"end")
assert os.pread(f, 100, 0) == b"ox" + bytes(2) + b"end"
die()
"""
    assert left(script, b"old") == b"old"


def test_random_calls_are_as_without_the_library():
    """The same calls on a file and on a bytearray; at the end of some the file is synced."""
    script = """
draw = random.Random(int(os.environ["LOSE_SEED"]))
f, d, model, durable = opened(), opened(os.O_DSYNC), bytearray(), b""
def model_write(at, data):
    if at > len(model):
        model.extend(bytes(at - len(model)))
    model[at:at + len(data)] = data
for step in range(400):
    what, at, data = draw.random(), draw.randrange(5000), draw.randbytes(draw.randrange(1, 1500))
    if what < 0.7:
        os.pwrite(d if what < 0.1 else f, data, at)
        model_write(at, data)
    elif what < 0.8:
        os.ftruncate(f, at)
        del model[at:]
        model.extend(bytes(at - len(model)))
    elif what < 0.9:
        assert os.pread(f, len(data), at) == model[at:at + len(data)]
    else:
        os.fdatasync(f)
assert os.pread(f, 10000, 0) == model and os.fstat(f).st_size == len(model)
os.fdatasync(f)
with open(path + ".model", "wb") as out:
    out.write(model)
    out.flush()
    os.fsync(out.fileno())
os.pwrite(f, bytes(7000), 0) if not int(os.environ["LOSE_KEEP_PERCENT"]) else 0
die()
"""
    for seed in range(1, 13):
        with tempfile.TemporaryDirectory() as folder:
            assert run(script, folder, seed, 40 if seed % 2 else 0) == -signal.SIGKILL
            with open(f"{folder}/file", "rb") as file, open(f"{folder}/file.model", "rb") as model:
                assert file.read() == model.read(), seed


# ---------------------------------------------------------------- a disk that has written some


def test_some_sectors_are_written_early():
    script = "os.pwrite(opened(), b'x' * 512 * 1000, 0); die()"

    def sectors(**how):
        data = left(script, bytes(512 * 1000), **how)
        parts = [data[i:i + 512] for i in range(0, len(data), 512)]
        assert len(parts) == 1000 and set(parts) <= {bytes(512), b"x" * 512}
        return [part[0] != 0 for part in parts]

    assert 200 < sum(sectors(keep=30)) < 400
    assert sectors(keep=30, seed=5) == sectors(keep=30, seed=5) != sectors(keep=30, seed=6)
    assert sum(sectors(keep=0)) == 0 and sum(sectors(keep=100)) == 1000


# ---------------------------------------------------------------- LMDB


def lmdb(mode, keep, folder):
    """Commits until it is killed after some; (the last number it printed, result of a check)."""
    environment = lose_environment(COMMITS, LIBRARY, folder, keep + 1, keep)
    with subprocess.Popen([COMMITS, folder, mode], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **environment}) as program:
        lines = [program.stdout.readline() for _ in range(40)]
        program.kill()
        lines += program.stdout.readlines()
    done = subprocess.run([COMMITS, folder, "check"], capture_output=True, text=True, check=False,
                          timeout=60)
    return int(lines[-1]), done


def test_lmdb_loses_nothing_when_it_syncs():
    for keep in 0, 20, 50, 90:
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(3):
                last, done = lmdb("durable", keep, folder)
                assert done.returncode == 0 and int(done.stdout) >= last, (keep, last, done)


def test_lmdb_loses_all_or_more_when_it_does_not_sync():
    with tempfile.TemporaryDirectory() as folder:
        last, done = lmdb("nosync", 0, folder)
        assert last >= 40 and int(done.stdout) == 0, done
    with tempfile.TemporaryDirectory() as folder:
        last, done = lmdb("nosync", 50, folder)
        assert done.returncode != 0 or int(done.stdout) < last, done


def test_lmdb_loses_the_last_commit_without_a_sync_of_the_root():
    with tempfile.TemporaryDirectory() as folder:
        last, done = lmdb("nometasync", 0, folder)
        assert done.returncode == 0 and int(done.stdout) in (last - 1, last), (last, done)


def main():
    tests = {name[5:]: test for name, test in globals().items() if name.startswith("test_")}
    wanted, failed = sys.argv[1:] or list(tests), 0
    for name in wanted:
        try:
            tests[name]()
            print(f"ok {name}", flush=True)
        except Exception as error:  # the next test still counts
            traceback.print_exception(error)
            print(f"not ok {name}", flush=True)
            failed += 1
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

"""Fault matrix: a clock that jumps, and a disk that is full, on the embedded engines."""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults import POLL_EVERY, Truth, assert_as_undisturbed, needs_polls, under_load
from tests.servers import SERVICES
from tests.supervised import Supervised
from tests.whole import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_polls]

HOUR = 3_600


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler to make a clock that can be set")
def test_a_clock_that_jumps(truth: Truth, tmp_path: Path) -> None:
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    source = SERVICES / "clock" / "clock.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    offset.write_text("0")
    preload = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(offset)}

    def deployment(feed: str) -> Deployment:
        return Deployment(tmp_path, feed, interval=POLL_EVERY, model="keyword", settings=preload)

    with under_load(truth, deployment, "all") as run:
        for seconds, what in (
            (26 * HOUR, "the clock jumps a day ahead"),
            (-26 * HOUR, "the clock jumps two days back"),
            (0, "the clock is put right"),
        ):
            with run.fault(what):
                offset.write_text(str(seconds))
    assert_as_undisturbed(truth, run)
    assert not run.processes.ended


def test_a_full_disk(truth: Truth, tmp_path: Path) -> None:
    """The kernel refuses to let any file of the process grow, as on a disk without a free block."""

    def deployment(feed: str) -> Deployment:
        return Deployment(tmp_path, feed, interval=POLL_EVERY, model="keyword")

    full = "the disk of the embedded log is full"
    with under_load(truth, deployment, "all") as run, run.fault(full):
        before = run.replay.at
        largest = max(file.stat().st_size for file in tmp_path.glob("*.sqlite*"))
        hard = _let_files_grow_to(largest // 2, run.processes)
        time.sleep(6.0)
        assert run.replay.at - before <= 3, "it polled on without a place to keep it"
        _let_files_grow_to(hard, run.processes)
    assert_as_undisturbed(truth, run)
    assert run.processes.ended == []
    assert "disk" in run.deployment.errors()


def _let_files_grow_to(size: int, processes: Supervised) -> int:
    """Gives the hard limit. Once in twenty runs on a busy machine the kernel didn't find a process
    that was there; one that has ended is told by `ended`."""
    deadline = time.monotonic() + 5.0
    while True:
        pid = processes.pid("all")
        try:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
            return hard
        except ProcessLookupError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)

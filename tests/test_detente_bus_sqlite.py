from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detente.bus import open_bus
from detente.bus.base import Record
from detente.bus.sqlite import SqliteBus
from detente.errors import BusUnavailable, ConfigError
from tests.contracts.bus import TOPIC, BusContract, read, records, values


class TestSqliteBus(BusContract):
    @pytest.fixture
    def bus_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/bus.sqlite"


def test_order_holds_over_all_keys(tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    bus.publish(TOPIC, records(20))
    subscription = bus.subscribe(TOPIC, "total-order")
    assert values(read(subscription, 20)) == [r.value for r in records(20)]
    subscription.close()
    bus.close()


def test_a_killed_reader_lets_go_of_its_group(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bus.sqlite"
    bus = open_bus(url)
    bus.publish(TOPIC, records(3))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from detente.bus import open_bus\n"
            f"subscription = open_bus({url!r}).subscribe({TOPIC!r}, 'killed')\n"
            "print(len(subscription.poll(3, 5.0)), flush=True)\n"
            "time.sleep(60)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "3\n"
        standby = bus.subscribe(TOPIC, "killed")
        assert list(standby.poll(3, 0.2)) == []
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert len(read(standby, 3)) == 3
    standby.close()
    bus.close()


def test_a_group_that_never_committed_leaves_no_file(tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    bus.publish(TOPIC, records(1))
    subscription = bus.subscribe(TOPIC, "passing")
    read(subscription, 1)
    subscription.close()
    bus.close()
    assert list((tmp_path / "bus.sqlite-groups").iterdir()) == []


def test_retention_keeps_what_a_group_still_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = SqliteBus(f"sqlite:///{tmp_path}/bus.sqlite", retention=3600.0)
    bus.publish(TOPIC, records(4))
    reader = bus.subscribe(TOPIC, "reader")
    reader.commit(read(reader, 4)[:3])
    reader.close()

    tomorrow = time.time() + 86_400
    monkeypatch.setattr("time.time", lambda: tomorrow)
    bus.publish(TOPIC, records(1, start=4))
    newcomer = bus.subscribe(TOPIC, "newcomer")
    assert values(read(newcomer, 2)) == [b"value-3", b"value-4"]
    assert bus.lag(TOPIC, "newcomer") == 2
    newcomer.close()
    bus.close()


def test_retention_keeps_dead_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = "contract.records.dead"
    bus = SqliteBus(f"sqlite:///{tmp_path}/bus.sqlite", retention=3600.0)
    bus.publish(topic, records(2))
    reader = bus.subscribe(topic, "reader")
    reader.commit(read(reader, 2))
    reader.close()
    tomorrow = time.time() + 86_400
    monkeypatch.setattr("time.time", lambda: tomorrow)
    bus.publish(topic, records(1))
    assert bus.lag(topic, "newcomer") == 3
    bus.close()


def test_a_full_disk_is_unavailable_and_heals(tmp_path: Path) -> None:
    bus = SqliteBus(f"sqlite:///{tmp_path}/bus.sqlite")
    bus.publish(TOPIC, records(1))
    pages = bus._connection.execute("PRAGMA page_count").fetchone()[0]
    bus._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(BusUnavailable, match="full"):
        bus.publish(TOPIC, [Record("k", b"x" * 100_000)])
    bus._connection.execute("PRAGMA max_page_count = 1000000")
    bus.publish(TOPIC, [Record("k", b"x" * 100_000)])
    assert bus.lag(TOPIC, "any") == 2
    bus.close()


def test_a_locked_log_is_unavailable(tmp_path: Path) -> None:
    bus = SqliteBus(f"sqlite:///{tmp_path}/bus.sqlite")
    bus._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "bus.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusUnavailable, match="locked"):
        bus.publish(TOPIC, records(1))
    other.execute("ROLLBACK")
    other.close()
    bus.publish(TOPIC, records(1))
    bus.close()


def test_a_closed_bus_says_so(tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    subscription = bus.subscribe(TOPIC, "g")
    subscription.close()
    with pytest.raises(BusUnavailable, match="closed"):
        subscription.poll(1, 0.0)
    bus.close()
    with pytest.raises(BusUnavailable, match="closed"):
        bus.publish(TOPIC, records(1))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "redis://host", "sqlite:/x"])
def test_an_address_that_names_no_bus(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        open_bus(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "bus.sqlite"
    file.write_bytes(b"certainly not a database" * 100)
    with pytest.raises(ConfigError, match=r"bus\.sqlite"):
        open_bus(f"sqlite:///{file}")

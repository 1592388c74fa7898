"""Stages as processes of their own, started again when they die, as a service manager does it."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

from tests.whole import Deployment


class Supervised:
    """`detente run` of each named stage (`processors`, `processors-2`: a second one) until the
    context ends; whatever ends by itself is started again. `ended` has the exit codes."""

    def __init__(self, deployment: Deployment, *names: str) -> None:
        self._deployment = deployment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._names = names
        self.ended: list[tuple[str, int]] = []

    def start(self, name: str) -> None:
        with self._lock:
            self._processes[name] = self._deployment.start(name.split("-")[0])

    def kill(self, name: str) -> None:
        """SIGKILL; it will be started again."""
        with self._lock:
            self._processes[name].kill()

    def leave(self, name: str) -> None:
        """SIGTERM, and it stays away. One that is told so before it has begun ends at once."""
        with self._lock:
            process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        assert code in (0, -signal.SIGTERM), code

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            with self._lock:
                for name, process in list(self._processes.items()):
                    if process.poll() is not None:
                        self.ended.append((name, process.returncode))
                        time.sleep(0.2)
                        self.start(name)

    def __enter__(self) -> Supervised:
        for name in self._names:
            self.start(name)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""Services in Python: aiohttp on asyncio, and gunicorn with its workers; samples/hosts/python."""

import os
import re
import signal
import tempfile
import unittest

from host import REPOSITORY, SAMPLES, HttpHostTest, ServiceTests, environment, installed, run

PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for


class AsyncioTest(ServiceTests, HttpHostTest):
    needs = ("wrk",)

    def started(self):
        return self.start(PYTHON, SAMPLES / "python/asyncio_service.py", self.gate.address, self.port, env=installed())


class GunicornTest(HttpHostTest):
    needs = ("gunicorn", "wrk")

    def setUp(self):
        super().setUp()
        self.publish_slow()
        env = installed()
        env["PYTHONPATH"] += f":{SAMPLES / 'python'}"
        env["PINNATE_GATEWAY"] = self.gate.address
        self.gunicorn = self.start(PYTHON, "/usr/bin/gunicorn", "-c", "python:gunicorn_service", "-b", f"127.0.0.1:{self.port}",
                                   "gunicorn_service:app", env=env)
        self.await_live("greet", 2)
        self.await_live("slow", 2)
        self.workers = self.booted(2)

    def booted(self, count, after=0):
        """The next so many workers that gunicorn says it started, from a line on."""
        found = []
        while len(found) < count:
            line = self.gunicorn.await_line(lambda line: "Booting worker with pid" in line and line not in found, after=after)
            found.append(line)
        return {int(re.search(r"pid: (\d+)", line)[1]) for line in found}

    def reload(self):
        said, old = len(self.gunicorn.lines), self.workers
        self.gunicorn.signal(signal.SIGHUP)
        self.workers = self.booted(2, after=said)
        for worker in old:  # one that was still starting ends by the signal itself
            ends = (f"Worker exiting (pid: {worker})", f"Worker with pid {worker} was terminated")
            self.gunicorn.await_line(lambda line: any(end in line for end in ends), after=said)

    def test_no_request_fails_when_gunicorn_is_reloaded_while_versions_change(self):
        counter = (REPOSITORY / "tests/modules/counter.c").read_text()
        late = "#include <unistd.h>\n__attribute__((constructor)) static void load(void) { usleep(150000); }\n"  # time itself is under test: a worker could take requests too early
        versions = self.versions(every=0.5, modules=[self.compiled(f"late-{n}", f'#define VERSION "{n}"\n{counter}{late}') for n in (1, 2)])
        self.await_live("greet", 2, version="2")
        load = self.load()
        for _ in range(3):
            self.reload()
        requests, failed = load.end(now=True)
        self.assertEqual(failed, [])
        self.assertGreater(requests, 100)
        newest = versions.stop()
        self.await_live("greet", 2, version=str(newest))
        self.assertRegex(self.get("greet"), rf"^{1 + newest % 2} \d+$")

    def test_a_killed_worker_is_replaced_by_one_that_serves(self):
        said = len(self.gunicorn.lines)
        os.kill(min(self.workers), signal.SIGKILL)
        self.booted(1, after=said)
        self.await_live("greet", 2)
        self.assertEqual(self.load(seconds=1).end()[1], [])

    def test_a_stopped_gunicorn_answers_what_it_has_begun_and_leaves_no_engine_online(self):
        slow = self.begin_slow()
        self.gunicorn.signal(signal.SIGTERM)
        self.gunicorn.await_line("Handling signal: term")
        slow.let_go()
        self.assertEqual(slow.answer(), "let go")
        self.assertEqual(self.gunicorn.await_end(), 0, self.gunicorn.lines)
        self.await_engines(0)


class StrictTest(unittest.TestCase):
    def test_the_samples_pass_mypy_strict(self):
        with tempfile.TemporaryDirectory(prefix="pin-") as cache:
            run("mypy", "--strict", "--follow-imports=silent", f"--cache-dir={cache}", *(SAMPLES / "python").glob("*.py"),
                env=environment(MYPYPATH=str(REPOSITORY / "bindings/python")))


if __name__ == "__main__":
    unittest.main()

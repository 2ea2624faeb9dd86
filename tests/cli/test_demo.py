"""`pinnate demo`, small."""

import collections
import os
import pathlib
import re
import select
import signal
import unittest

from fleet import BIN, FleetTest, environment, run

SMALL = ("--nodes", "1", "--clusters", "2", "--engines", "1")
AS_IT_IS = ()  # 1 controller, 2 node gateways, 4 container gateways, 12 engines


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def arguments_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:-1]


def values_of(arguments, flag):
    return [value for name, value in zip(arguments, arguments[1:]) if name == flag]


class DemoTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.assertTrue((BIN.parent / "modules" / "thumbnail-1.0.0.so").exists(), "the sample modules are not built")
        self.environment = environment(TMPDIR=str(self.folder))

    def left(self):
        """What the demo left in its temporary folder."""
        return [path.name for path in self.folder.iterdir() if path.name.startswith("pinnate-demo")]

    def test_the_demo_tells_its_story_and_leaves_two_pictures_and_nothing_else(self):
        out = self.folder / "out"
        out.mkdir()
        ended = run("demo", *SMALL, cwd=out, env=self.environment, timeout=180)
        text = ended.stdout.decode()
        self.assertEqual(ended.returncode, 0, text + ended.stderr.decode())
        for words in ("A fleet of 6 processes", "Publish thumbnail 1.0.0", "all 2 engines serve thumbnail 1.0.0",
                      "node-1-cluster-2", "960 x 640", "all 2 engines serve thumbnail 1.1.0",
                      "all 2 engines serve anomaly", "35", "anomaly", "6 processes ended cleanly"):
            self.assertIn(words, text)
        self.assertEqual(sorted(path.name for path in out.iterdir()), ["thumbnail-1.0.0.jpg", "thumbnail-1.1.0.jpg"])
        pictures = [(out / f"thumbnail-{v}.jpg").read_bytes() for v in ("1.0.0", "1.1.0")]
        for picture in pictures:
            self.assertEqual(picture[:2], b"\xff\xd8")
        self.assertNotEqual(*pictures)
        self.assertEqual(self.left(), [])
        self.assertNotIn("\x1b", text, "no colours where there is no terminal")

    def test_as_the_quickstart_runs_it(self):
        ended = run("demo", cwd=self.folder, env=self.environment, timeout=180)
        text = ended.stdout.decode()
        self.assertEqual(ended.returncode, 0, text + ended.stderr.decode())
        self.assertRegex(text, r"A fleet of 19 processes on this machine\n"
                               r" +controller +1 +at tcp://127\.0\.0\.1:\d+\n"
                               r" +node gateways +2 .*over TCP\n"
                               r" +container gateways +4 .*over a UNIX socket\n"
                               r" +engines +12 .*over a UNIX socket\n")
        for version in ("1.0.0", "1.1.0"):
            self.assertIn(f"all 12 engines serve thumbnail {version}", text)
            self.assertIn(f"\n   thumbnail {version}: 12 of 12 live\n", text)
        self.assertEqual(len(re.findall(r"(?m)^ +35 \S+ anomaly$", text)), 1, text)
        before, after = re.findall(r"^controller +online, 12 of 12 engines online, revision \d+\n(?:.*[├└]─.*\n)+", text, flags=re.M)
        for tree, services in ((before, "thumbnail 1.0.0 live"), (after, "anomaly 1.0.0 live, thumbnail 1.1.0 live")):
            gateways = re.findall(r"(node-\d\S*) +online, (\d+) of \2 engines online, ", tree)
            wanted = {f"node-{n}": "6" for n in (1, 2)}
            wanted.update({f"node-{n}-cluster-{c}": "3" for n in (1, 2) for c in (1, 2)})
            self.assertEqual(dict(gateways), wanted, tree)
            engines = re.findall(rf"(engine-.*?)  +{re.escape(services)}$", tree, flags=re.M)
            self.assertEqual(", ".join(engines), ", ".join(f"engine-{i:02}" for i in range(1, 13)), tree)
            self.assertEqual(len(tree.splitlines()), 1 + len(wanted) + 4, tree)
        self.assertTrue(text.endswith("   19 processes ended cleanly\n"), text)
        self.assertEqual(self.left(), [])

    def test_its_19_processes_are_what_it_says(self):
        demo, address, ends = self.kept_demo(AS_IT_IS, 19)
        started = [arguments_of(child) for child in children_of(demo.process.pid)]
        self.assertEqual(collections.Counter(each[0] for each in started), {"controller": 1, "gateway": 6, "engine": 12})
        uplinks = collections.Counter((each[0], up.split(":")[0]) for each in started for up in values_of(each, "--up"))
        self.assertEqual(uplinks, {("gateway", "tcp"): 2, ("gateway", "unix"): 4, ("engine", "unix"): 12})
        status, = self.rows("status", "--to", address)
        self.assertEqual([status[f"{of}_{what}"] for what in ("gateways", "engines") for of in ("known", "online")], [6, 6, 12, 12])
        rows = self.rows("engines", "--to", address)
        self.assertEqual([row["id"] for row in rows], [f"engine-{i:02}" for i in range(1, 13)])
        for row in rows:
            self.assertEqual({(s["name"], s["version"], s["phase"]) for s in row["services"]},
                             {("thumbnail", "1.1.0", "live"), ("anomaly", "1.0.0", "live")}, row)
        demo.signal(signal.SIGINT)
        demo.await_line("   19 processes ended cleanly")
        self.assertEqual(demo.await_end(), 0, demo.told())
        self.assert_all_end(ends)
        self.assertEqual(self.left(), [])

    def test_another_module_may_take_the_place_of_the_sample(self):
        ended = run("demo", *SMALL, "--module", self.echo(1), cwd=self.folder, env=self.environment, timeout=180)
        text = ended.stdout.decode()
        self.assertEqual(ended.returncode, 0, text + ended.stderr.decode())
        self.assertIn("all 2 engines serve echo-1 1.1.0", text)

    def test_a_module_that_does_not_load_fails_the_demo_in_words_and_takes_everything_down(self):
        text = self.folder / "notes.so"
        text.write_text("not a shared object")
        ended = run("demo", *SMALL, "--module", text, cwd=self.folder, env=self.environment, timeout=180)
        self.assertEqual(ended.returncode, 2, ended.stdout.decode())
        self.assertIn("not a shared object", ended.stderr.decode())
        self.assertEqual(self.left(), [])

    def kept_demo(self, shape=SMALL, processes=6):
        demo = self.start("demo", *shape, "--keep", cwd=self.folder, env=self.environment)
        address = demo.await_line("export PINNATE_TO=", timeout=180).split("=", 1)[1]
        demo.await_line("pinnate engines")
        children = children_of(demo.process.pid)
        self.assertEqual(len(children), processes)
        ends = [os.pidfd_open(child) for child in children]
        for end in ends:
            self.addCleanup(os.close, end)
        return demo, address, ends

    def assert_all_end(self, ends):
        for end in ends:
            self.assertTrue(select.select([end], [], [], 60)[0], "a process of the demo is still there")

    def test_with_keep_it_answers_until_ctrl_c_and_then_takes_everything_down(self):
        demo, address, ends = self.kept_demo()
        rows = self.rows("engines", "--to", address)
        self.assertEqual([row["id"] for row in rows], ["engine-01", "engine-02"])
        demo.signal(signal.SIGINT)
        self.assertEqual(demo.await_end(), 0, demo.told())
        self.assert_all_end(ends)
        self.assertEqual(self.left(), [])

    def test_ctrl_c_in_the_middle_takes_everything_down(self):
        demo = self.start("demo", *SMALL, cwd=self.folder, env=self.environment)
        demo.await_line("A fleet of")
        demo.signal(signal.SIGINT)
        self.assertEqual(demo.await_end(), 130, demo.told())
        self.assertEqual(self.left(), [])

    def test_its_processes_die_with_it_also_when_it_is_killed(self):
        demo, _, ends = self.kept_demo()
        demo.signal(signal.SIGKILL)
        demo.await_end()
        self.assert_all_end(ends)

    def test_a_process_that_dies_ends_the_demo_in_words(self):
        demo, _, _ = self.kept_demo()
        os.kill(children_of(demo.process.pid)[-1], signal.SIGKILL)
        self.assertEqual(demo.await_end(), 1)
        self.assertIn("engine-02 ended by signal 9", demo.told())
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()

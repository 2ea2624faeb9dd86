"""`pinnate demo`, small."""

import os
import pathlib
import select
import signal
import unittest

from fleet import BIN, FleetTest, environment, run

SMALL = ("--nodes", "1", "--clusters", "2", "--engines", "1")


def have_samples():
    return (BIN.parent / "modules" / "thumbnail-1.0.0.so").exists()


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@unittest.skipUnless(have_samples(), "the sample modules are not built")
class DemoTest(FleetTest):
    def setUp(self):
        super().setUp()
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

    def test_another_module_may_take_the_place_of_the_sample(self):
        ended = run("demo", *SMALL, "--module", self.echo(1), cwd=self.folder, env=self.environment, timeout=180)
        text = ended.stdout.decode()
        self.assertEqual(ended.returncode, 0, text + ended.stderr.decode())
        self.assertIn("all 2 engines serve echo-1 1.1.0", text)

    def test_a_module_that_does_not_load_fails_the_demo_in_words_and_takes_everything_down(self):
        text = self.folder / "notes.so"
        text.write_text("not a shared object")
        ended = run("demo", *SMALL, "--module", text, cwd=self.folder, env=self.environment, timeout=180)
        self.assertEqual(ended.returncode, 1, ended.stdout.decode())
        self.assertIn("engine-01: failed", ended.stderr.decode())
        self.assertEqual(self.left(), [])

    def kept_demo(self):
        demo = self.start("demo", *SMALL, "--keep", cwd=self.folder, env=self.environment)
        address = demo.await_line("export PINNATE_TO=", timeout=180).split("=", 1)[1]
        demo.await_line("pinnate engines")
        children = children_of(demo.process.pid)
        self.assertEqual(len(children), 6)
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

"""What the program says to those who hold it wrong, and how it then ends."""

import pathlib
import tempfile
import unittest

from fleet import environment, run

# What README and the tests of others rely on; a flag that goes breaks somebody's script.
FLAGS = {
    "controller": "--config --id --fleet --label --listen --state --down --artifact-limit --forget-after --heartbeat --log-level",
    "gateway": "--config --id --fleet --label --listen --up --down --cache --cache-limit --forget-after --heartbeat --log-level",
    "engine": "--config --id --fleet --label --listen --up --state --kept-images --kept-bytes --heartbeat --log-level",
    "check": "--json",
    "publish": "--to --fleet --config --timeout --platform --config-bytes --config-text --select --loader --allow --wait --json",
    "unpublish": "--to --fleet --config --timeout",
    "history": "--to --fleet --config --timeout --json",
    "status": "--to --fleet --config --timeout --watch --json",
    "engines": "--to --fleet --config --timeout --phase --at --name --json",
    "call": "--to --fleet --config --timeout --data --file --at --out --idempotent",
    "new": "--language --to",
    "demo": "--nodes --clusters --engines --module --out --keep",
}

COMMANDS = ["controller", "gateway", "engine", "new", "check", "publish", "unpublish", "history", "status", "engines", "call", "demo"]


class UsageTest(unittest.TestCase):
    def complaint(self, *arguments, code=2, env=None):
        ended = run(*arguments, env=env)
        self.assertEqual(ended.returncode, code, ended)
        self.assertEqual(ended.stdout, b"", "a complaint goes to stderr only")
        return ended.stderr.decode()

    def test_help_documents_every_exit_code(self):
        ended = run("--help")
        self.assertEqual(ended.returncode, 0)
        text = ended.stdout.decode()
        for code in (0, 1, 2, 3, 4, 5, 6, 7, 130):
            self.assertRegex(text, rf"(?m)^ +{code}  \w")

    def test_every_command_has_help_with_an_example(self):
        overview = run("--help").stdout.decode()
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertIn(f"\n  {command} ", overview)
                ended = run(command, "--help")
                self.assertEqual(ended.returncode, 0)
                self.assertIn(f"\n  pinnate {command}", ended.stdout.decode())

    def test_every_flag_is_in_the_help_of_its_command_with_words_behind_it(self):
        self.assertEqual(sorted(FLAGS), sorted(COMMANDS))
        for command, flags in FLAGS.items():
            text = run(command, "--help").stdout.decode()
            for flag in flags.split():
                with self.subTest(command=command, flag=flag):
                    self.assertRegex(text, rf"(?m)^  {flag}( [^ ].*)?(  +|\n {{20,}})\w")

    def test_version_names_version_and_platform(self):
        self.assertRegex(run("version").stdout.decode(), r"^pinnate \d+\.\d+\.\d+ linux-\w+\n$")
        self.assertEqual(run("--version").stdout, run("version").stdout)

    def test_no_command_and_an_unknown_one_are_answered_with_the_list(self):
        self.assertIn("publish", self.complaint())
        self.assertIn("there is no command 'frob'; there are: demo controller", self.complaint("frob"))

    def test_an_unknown_flag_is_named(self):
        self.assertIn("--frob", self.complaint("status", "--frob", "--to", "unix:/x"))

    def test_wrong_values_are_named_with_the_form_that_is_right(self):
        cases = [
            (["status", "--to", "unix:/x", "--timeout", "5x"], "--timeout: '5x' is no duration (write 500ms, 10s, 5m"),
            (["status", "--to", "unix:/x", "--timeout", "0s"], "--timeout: '0s' is no duration (write 500ms, 10s, 5m"),
            (["engine", "--up", "unix:/x", "--heartbeat", "0ms"], "--heartbeat: '0ms' is no duration"),
            (["publish", "a@1", "f", "--drain-limit", "0s"], "--drain-limit: '0s' is no duration"),
            (["gateway", "--cache-limit", "0"], "--cache-limit: '0' is no size"),
            (["gateway", "--cache-limit", "much"], "--cache-limit: 'much' is no size (write 4096, 64KiB"),
            (["engine", "--up", "unix:/x", "--label", "ring"], "'ring' is no label (write KEY=VALUE"),
            (["engine", "--up", "unix:/x", "--log-level", "loud"], "must be debug, info, warning or error"),
            (["publish", "a@1"], "name a FILE, or --platform P=FILE"),
            (["publish", "echo", "f.so"], "'echo' is no module and version (write NAME@VERSION"),
            (["publish", "a@1", "--platform", "x.so"], "'x.so' must be PLATFORM=FILE"),
            (["publish", "a@1", "f", "--config-text", "a", "--config-bytes", "b"], "excludes"),
            (["unpublish", "a@x"], "'x' is no release's number"),
            (["engines", "--phase", "happy"], "'happy' is no phase (pending, fetching"),
            (["call", "f", "--data", "a", "--file", "b"], "excludes"),
            (["call"], "NAME is required"),
            (["new"], "NAME is required"),
            (["demo", "--nodes", "0"], "--nodes"),
        ]
        for arguments, words in cases:
            with self.subTest(arguments=arguments):
                complaint = self.complaint(*arguments, env=environment(PINNATE_TO="unix:/nowhere"))
                self.assertIn(words, complaint)
                self.assertIn(f"See `pinnate {arguments[0]} --help`", complaint)

    def test_tiers_that_could_not_be_reached_or_reach_nothing_are_refused(self):
        self.assertIn("--state", self.complaint("controller", "--listen", "unix:/tmp/x"))
        self.assertIn("--listen", self.complaint("controller", "--state", "/tmp/x"))
        self.assertIn("no way up", self.complaint("engine"))
        self.assertIn("nothing below", self.complaint("gateway", "--up", "unix:/x"))

    def test_a_tier_that_dials_what_is_no_address_ends_before_it_says_where_it_listens(self):
        with tempfile.TemporaryDirectory() as folder:
            at = ("--listen", f"unix:{folder}/s")
            for wrong in (("gateway", "--members", "static:somewhere"), ("gateway", "--members", "ldap:x"), ("gateway", "--down", "somewhere"),
                          ("gateway", "--up", "somewhere"), ("engine", "--up", "somewhere")):
                with self.subTest(wrong=wrong):
                    ended = run(*wrong, *at)
                    self.assertEqual((ended.returncode, ended.stdout), (2, b""), ended)
                    self.assertIn(wrong[-1].encode(), ended.stderr)

    def test_a_command_that_asks_says_where_an_address_may_come_from(self):
        complaint = self.complaint("status")
        for word in ("--to", "PINNATE_TO", "--config"):
            self.assertIn(word, complaint)

    def test_a_malformed_address_is_wrong_usage(self):
        self.complaint("status", "--to", "carrier-pigeon://coop")

    def test_a_missing_payload_is_not_found(self):
        self.assertIn("/nonexistent", self.complaint("call", "f", "--file", "/nonexistent", "--to", "unix:/x", code=6))


class ConfigFileTest(unittest.TestCase):
    def complaint(self, command, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tier.toml"
            path.write_text(text)
            ended = run(command, "--config", path)
            self.assertEqual(ended.returncode, 2, ended)
            return ended.stderr.decode()

    def test_a_key_nobody_knows_is_named_with_its_line_and_the_keys_there_are(self):
        complaint = self.complaint("engine", 'up = "unix:/x"\nspeed = 3\n')
        self.assertIn("line 2: 'speed' is not known", complaint)
        self.assertIn("labels", complaint)

    def test_a_key_of_another_tier_is_named(self):
        self.assertIn("line 1: 'cache' means nothing to this tier", self.complaint("engine", 'cache = "/tmp/x"\n'))

    def test_values_of_the_wrong_kind_are_named(self):
        self.assertIn("'id' must be a string", self.complaint("engine", "id = 3\n"))
        self.assertIn("'heartbeat' is no duration", self.complaint("engine", 'heartbeat = "soon"\n'))
        self.assertIn("'labels' must be a table", self.complaint("engine", 'labels = "eu"\n'))

    def test_nothing_of_a_duration_or_a_size_is_refused_and_not_taken_for_the_default(self):
        self.assertIn("line 1: 'heartbeat' is no duration (write 500ms", self.complaint("engine", 'heartbeat = "0s"\n'))
        self.assertIn("'forget-after' is no duration", self.complaint("gateway", 'forget-after = "0d"\n'))
        for nothing in ('0', '"0"', '"0KiB"'):
            self.assertIn("line 1: 'cache-limit' is no size (write 4096", self.complaint("gateway", f"cache-limit = {nothing}\n"))

    def test_what_is_not_toml_is_said_with_its_line(self):
        self.assertIn("line 2", self.complaint("gateway", 'id = "a"\n= nonsense\n'))

    def test_a_missing_file_is_named(self):
        ended = run("gateway", "--config", "/nonexistent.toml")
        self.assertEqual(ended.returncode, 6)
        self.assertIn(b"cannot read '/nonexistent.toml': No such file", ended.stderr)

    def test_a_folder_is_said_to_be_one(self):
        with tempfile.TemporaryDirectory() as folder:
            for command in ("gateway", "status"):
                ended = run(command, "--config", folder)
                self.assertEqual(ended.returncode, 2, ended)
                self.assertIn(f"--config '{folder}' is a folder", ended.stderr.decode())


if __name__ == "__main__":
    unittest.main()

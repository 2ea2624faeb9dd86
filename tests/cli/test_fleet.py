"""The whole path: controller, gateway and two engines as processes, and the commands on them."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from fleet import LIMIT, PINNATE, FleetTest, environment, phases


class PublishTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.start_tree()

    def test_publish_wait_ends_when_every_engine_serves_and_calls_are_answered(self):
        out, progress = self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.assertIn("published echo 1 as release 1", out)
        self.assertIn("echo 1 is live on all 2 selected online engines", out)
        self.assertIn("2 of 2 live", progress)
        for engine in self.engines:
            engine.await_line("service echo@1 release 1: live")
        self.assertEqual(self.ask("call", "echo", "--data", "hello")[0], "echo 1: hello")

    def test_a_new_version_takes_over_and_the_old_one_is_history(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.ask("publish", "echo@2", self.echo(2), "--wait")
        self.assertEqual(self.ask("call", "echo", "--data", "x")[0], "echo 2: x")
        history = self.rows("history", "echo")
        self.assertEqual([(r["version"], r["current"]) for r in history], [("2", True), ("1", False)])
        self.assertEqual(history[1]["ended"], "superseded by 2")
        out, _ = self.ask("history")
        self.assertIn("echo@2", out)
        self.assertIn("current", out)

    def test_json_tells_release_and_outcome(self):
        [row] = self.rows("publish", "echo@1", self.echo(1), "--wait")
        self.assertEqual((row["release"], row["created"], row["end"]), (1, True, "served"))
        self.assertEqual((row["selected"], row["live"], row["without"]), (2, 2, []))
        [again] = self.rows("publish", "echo@1", self.echo(1))
        self.assertEqual((again["release"], again["created"]), (1, False))

    def test_the_same_version_with_other_bytes_is_refused(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        _, error = self.ask("publish", "echo@1", self.echo(2), code=4)
        self.assertIn("echo", error)
        self.assertIn("1", error)

    def test_engines_that_do_not_serve_are_named_with_the_reason(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        out, _ = self.ask("publish", "echo@2", self.echo(2), "--config-text", "fail", "--wait", code=1)
        self.assertIn("live on 0 of 2 selected online engines", out)
        for name in ("one", "two"):
            self.assertRegex(out, rf"gate/{name}: failed: .*asked to fail")
        self.assertEqual(self.ask("call", "echo", "--data", "x")[0], "echo 1: x", "the old release goes on serving")
        failed = self.rows("engines", "--phase", "failed")
        self.assertEqual(sorted(row["id"] for row in failed), ["one", "two"])
        out, _ = self.ask("status")
        self.assertIn("first failures", out)
        self.assertIn("asked to fail", out)

    def test_an_engine_that_fails_the_new_release_is_named_behind_many_that_fail_an_older_one(self):
        more = [self.start("engine", "--id", f"more-{i}", "--up", f"unix:{self.folder}/gate.sock") for i in range(22)]
        for engine in more:
            engine.await_line("engine is running")
        self.await_status(lambda status: status["online_engines"] == 24)
        out, _ = self.ask("publish", "echo@1", self.echo(1), "--config-text", "fail", "--wait", code=1)
        self.assertEqual(out.count(": failed: "), 20, out)
        self.assertIn("  ... 24 failed in all (`pinnate engines --name echo` lists them)", out)
        [row] = self.rows("publish", "echo@2", self.echo(2), "--select", "ring=canary", "--config-text", "fail", "--wait", code=1)
        self.assertEqual([engine["engine"] for engine in row["without"]], ["one"])

    def test_what_is_no_shared_object_fails_on_the_engines_in_words(self):
        text = self.folder / "notes.txt"
        text.write_text("not a shared object")
        self.ask("publish", "notes@1", text, code=2)
        [row] = self.rows("publish", "notes@1", text, "--allow", "not-a-module", "--wait", code=1)
        self.assertEqual(row["end"], "not served by all")
        self.assertEqual(len(row["without"]), 2)
        self.assertTrue(all(engine["reason"] for engine in row["without"]))

    def test_a_selector_leaves_the_others_with_the_older_release(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        out, _ = self.ask("publish", "echo@2", self.echo(2), "--select", "ring=canary", "--wait")
        self.assertIn("all 1 selected", out)
        self.assertEqual(self.ask("call", "echo", "--at", "one")[0], "echo 2: ")
        self.assertEqual(self.ask("call", "echo", "--at", "two")[0], "echo 1: ")
        self.ask("unpublish", "echo@2")
        self.await_status(lambda s: [r["serving"] for r in s["releases"] if r["version"] == "1"] == [2])
        self.assertEqual(self.ask("call", "echo", "--at", "one")[0], "echo 1: ", "withdrawing uncovers the older one")

    def test_a_release_for_nobody_online_is_success_and_says_so(self):
        out, _ = self.ask("publish", "echo@1", self.echo(1), "--select", "region=mars", "--wait")
        self.assertIn("no engine that is online is selected", out)

    def test_a_release_that_ends_engines_is_no_success(self):
        fatal = os.path.join(os.environ["PINNATE_MODULES"], "constructor-aborts.so")
        out, _ = self.ask("publish", "fatal@1", fatal, "--wait", code=1)
        self.assertIn("that were online when it came are not any more", out)

    def test_no_artifact_for_the_platform_is_incompatible(self):
        out, _ = self.ask("publish", "echo@1", "--platform", f"linux-vax={self.echo(1)}", "--wait", code=1)
        self.assertIn("gate/one: incompatible", out)

    def test_config_bytes_come_from_a_file(self):
        config = self.folder / "config"
        config.write_text("fail")
        self.ask("publish", "echo@1", self.echo(1), "--config-bytes", config, "--wait", code=1)

    def test_unpublish_withdraws(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.ask("unpublish", "echo")
        self.await_status(lambda status: all(r["serving"] == 0 for r in status["releases"]))
        self.ask("call", "echo", code=6)
        self.ask("unpublish", "echo", code=6)

    def test_what_has_not_settled_in_time_is_exit_5_with_the_engines_that_are_behind(self):
        out, _ = self.ask("publish", "echo@1", self.echo(1), "--config-text", "slow", "--wait", "--timeout", "2s",
                          code=5)
        self.assertIn("not settled within --timeout", out)
        self.assertIn("gate/one: loading", out)
        self.assertIn("gate/two: loading", out)

    def test_a_publish_that_is_overtaken_while_it_waits_says_so(self):
        first = self.start("publish", "echo@1", self.echo(1), "--config-text", "slow", "--wait", "--to", self.to)
        self.engines[0].await_line("service echo@1 release 1: loading")
        self.ask("publish", "echo@2", self.echo(2), "--wait")
        first.await_line("another decision took the place")
        self.assertEqual(first.await_end(), 1)

    def test_a_call_that_takes_too_long_is_exit_5(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.ask("call", "echo", "--data", "slow", "--timeout", "300ms", code=5)

    def test_a_call_lost_with_its_engine_is_exit_7_as_it_may_have_run(self):
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        call = self.start("call", "echo", "--data", "slow", "--at", "one", "--to", self.to)
        self.engines[0].await_line("a slow call begins")
        self.engines[0].signal(signal.SIGKILL)
        self.assertEqual(call.await_end(), 7, call.told())

    def test_a_malformed_name_is_wrong_usage_and_a_missing_file_not_found(self):
        self.ask("publish", "No Name@1", self.echo(1), code=2)
        self.ask("publish", "echo@1", self.folder / "absent.so", code=6)


class StatusTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")

    def test_status_json_has_counts_that_sum_to_the_known_engines_and_the_tree(self):
        [status] = self.rows("status")
        self.assertEqual((status["known_engines"], status["online_engines"], status["forgotten_engines"]), (2, 2, 0))
        self.assertEqual(status["id"], "top")
        [release] = status["releases"]
        self.assertEqual(sum(release["phases"].values()), 2)
        self.assertEqual((release["phases"]["live"], release["serving"]), (2, 2))
        [gateway] = status["tree"]["gateways"]
        self.assertEqual((gateway["id"], gateway["online"], gateway["online_engines"]), ("gate", True, 2))
        [group] = gateway["engines"]
        self.assertEqual(sorted(group["ids"]), ["one", "two"])
        self.assertEqual(group["services"][0]["phase"], "live")

    def test_status_draws_the_tree(self):
        out, _ = self.ask("status", "echo")
        self.assertIn("engines   2 online of 2 known; 0 forgotten", out)
        self.assertIn("echo 1 (release 1)  2 live; serves on 2", out)
        self.assertRegex(out, r"top +online, 2 of 2 engines online, revision 1\n└─ gate +online, 2 of 2 engines online, revision 1\n   └─ one, two +echo 1 live")
        out, _ = self.ask("status", env=environment(PINNATE_TO=self.to, LC_ALL="C"))
        self.assertIn("`- gate", out, "no box drawing where the locale has none")

    def start_on_a_terminal(self, *arguments, **more):
        """The program, and our end of the terminal that is both its stdout and its stderr."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        try:
            process = subprocess.Popen([PINNATE, *map(str, arguments), "--to", self.to], stdin=subprocess.DEVNULL,
                                       stdout=theirs, stderr=theirs, env=environment(TERM="xterm", **more))
        finally:
            os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, ours

    def on_a_terminal(self, *arguments, **more):
        """What the program writes to a terminal until it ends."""
        process, ours = self.start_on_a_terminal(*arguments, **more)
        text = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not part:
                break
            text += part
        self.assertEqual(process.wait(60), 0, text)
        return text.decode()

    def test_a_terminal_gets_colours_and_a_bar_and_no_color_is_honoured(self):
        self.assertIn("\x1b[32mlive\x1b[0m", self.on_a_terminal("status"))
        self.assertNotIn("\x1b", self.on_a_terminal("status", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.ask("status")[0])
        text = self.on_a_terminal("publish", "echo@2", self.echo(2), "--wait")
        self.assertIn("█" * 24, text)
        self.assertIn("2 of 2 live", text)

    def test_status_watch_prints_a_line_per_change_and_none_twice_in_a_row(self):
        for form, wanted in ((), "echo {}: 2 live"), (("--json",), '"version":"{}"'):
            watch = self.start("status", "echo", "--watch", *form, "--to", self.to)
            version = 2 if form else 1
            watch.await_line(wanted.format(version))
            # What others have changes the roll-up, too, but nothing of the line except the revision.
            self.ask("publish", f"other@{version}", self.echo(1), "--wait")
            self.ask("publish", f"echo@{version + 1}", self.echo(version + 1), "--wait")
            watch.await_line(wanted.format(version + 1))
            watch.signal(signal.SIGINT)
            watch.await_end()
            for before, after in zip(watch.seen, watch.seen[1:]):
                self.assertNotEqual(before, after)

    def read_terminal(self, terminal, text, wanted):
        """`text` and what comes after it, until `wanted` is true of it all."""
        deadline = time.monotonic() + LIMIT
        while not wanted(text):
            self.assertTrue(select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0], text)
            text += os.read(terminal, 4096)
        return text

    def test_publish_wait_redraws_its_progress_on_a_terminal_while_it_goes_on(self):
        for engine in self.engines:
            engine.signal(signal.SIGSTOP)  # none can be live before the first picture is seen
        process, ours = self.start_on_a_terminal("publish", "echo@2", self.echo(2), "--wait", NO_COLOR="1")
        text = self.read_terminal(ours, b"", lambda text: b"0 of 2 live" in text)
        self.assertIn("\recho 2 " + "░" * 24 + " 0 of 2 live", text.decode())
        self.assertIsNone(process.poll(), "it ends when they serve, and they cannot yet")
        self.assertNotIn(b"2 of 2 live", text)
        for engine in self.engines:
            engine.signal(signal.SIGCONT)
        text = self.read_terminal(ours, text, lambda text: b"2 of 2 live" in text)
        self.assertIn("\recho 2 " + "█" * 24 + " 2 of 2 live", text.decode())
        self.read_terminal(ours, text, lambda text: b"is live on all 2 selected online engines" in text)
        self.assertEqual(process.wait(LIMIT), 0)

    def test_status_watch_redraws_a_terminal_until_ctrl_c(self):
        process, ours = self.start_on_a_terminal("status", "--watch", NO_COLOR="1")
        clear, text = b"\x1b[H\x1b[2J", b""
        for version in (1, 2):
            if version == 2:
                self.ask("publish", "echo@2", self.echo(2))
            drawn = rb"one, two +echo %d live" % version
            text = self.read_terminal(ours, text, lambda text: re.search(drawn, text.rpartition(clear)[2]))
            screen = text.rpartition(clear)[2].decode()
            self.assertIn("engines   2 online of 2 known", screen)
            self.assertIn("└─ gate", screen)
        self.assertTrue(text.startswith(clear), text)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), -signal.SIGINT, "which a shell tells as 130")

    def test_status_watch_says_when_its_tier_is_away_and_goes_on_when_it_is_back(self):
        watch = self.start("status", "echo", "--watch", "--to", self.to, errors_too=True)
        watch.await_line("echo 1: 2 live")
        self.controller.signal(signal.SIGKILL)
        watch.await_line("what is printed is from before")
        self.start_controller()
        watch.await_line("the tier is back")
        self.ask("publish", "echo@2", self.echo(2))
        watch.await_line("echo 2: 2 live")
        watch.signal(signal.SIGINT)
        watch.await_end()

    def test_a_version_that_still_serves_is_named_beside_the_one_that_fails(self):
        text = self.folder / "text"
        text.write_text("no shared object")
        self.ask("publish", "echo@2", text, "--allow", "not-a-module", "--wait", code=1)
        for command in "status", "engines":
            out, _ = self.ask(command)
            self.assertRegex(out, r"echo 2 failed: .*echo 1 still serves|echo 1 still serves, echo 2 failed: ", command)

    def test_standard_descriptors_that_are_closed_harm_nothing(self):
        def run_with(closed, *arguments):
            return subprocess.Popen(["/bin/sh", "-c", f'exec "$0" "$@" {closed}', PINNATE, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())

        for closed, code, out in ("<&-", 0, b"echo 1: x"), ("2>&-", 0, b"echo 1: x"), (">&-", 1, b""), ("<&- >&- 2>&-", 1, b""):
            asking = run_with(closed, "call", "echo", "--data", "x", "--to", self.to)
            self.assertEqual((asking.communicate(timeout=LIMIT)[0], asking.returncode), (out, code), closed)
        engine = run_with("<&- >&- 2>&-", "engine", "--id", "daemon", "--state", self.folder / "daemon", "--up", self.to)
        self.addCleanup(engine.stdout.close)
        self.addCleanup(engine.kill)
        self.await_status(lambda status: status["online_engines"] == 3)
        engine.send_signal(signal.SIGTERM)
        self.assertEqual(engine.wait(LIMIT), 0)

    def test_a_payload_that_never_ends_is_read_up_to_what_is_allowed(self):
        _, told = self.ask("call", "echo", "--file", "/dev/zero", code=4)
        self.assertIn("'/dev/zero' has more than 1048576 bytes", told)

    def test_an_engine_of_another_fleet_says_why_it_is_refused_also_where_little_is_logged(self):
        engine = self.start("engine", "--fleet", "other", "--up", self.to, "--log-level", "warning", errors_too=True)
        self.assertIn("fleet", engine.await_line("no link to"))

    def test_a_gateway_answers_for_what_is_below_it(self):
        gate = environment(PINNATE_TO=f"unix:{self.folder}/gate.sock")
        [status] = self.rows("status", env=gate)
        self.assertEqual((status["id"], status["online_engines"]), ("gate", 2))
        self.assertEqual(self.ask("call", "echo", "--data", "x", env=gate)[0], "echo 1: x")

    def test_publishing_to_a_gateway_is_refused(self):
        self.ask("publish", "echo@2", self.echo(2), "--to", f"unix:{self.folder}/gate.sock", code=4)

    def test_engines_lists_ids_paths_labels_and_services(self):
        rows = {row["id"]: row for row in self.rows("engines")}
        self.assertEqual(sorted(rows), ["one", "two"])
        self.assertEqual([row["role"] for row in rows.values()], ["engine", "engine"])
        self.assertEqual((rows["one"]["path"], rows["one"]["labels"]), ("gate", {"ring": "canary"}))
        [service] = rows["two"]["services"]
        self.assertEqual((service["name"], service["version"]), ("echo", "1"))
        self.assertEqual((service["phase"], service["serving"]), ("live", True))
        self.assertEqual(self.rows("engines", "--phase", "failed"), [])
        self.assertEqual(len(self.rows("engines", "--at", "gate", "--name", "echo", "--phase", "live")), 2)
        out, _ = self.ask("engines")
        self.assertRegex(out, r"(?m)^gate/one +echo 1 live$")

    def test_a_gateway_that_nobody_knows_is_not_found_and_one_without_such_engines_is_an_empty_list(self):
        _, error = self.ask("engines", "--at", "gtae", code=6)
        self.assertIn("'top' knows no gateway 'gtae'", error)
        for known in ("gate", "top"):
            self.assertEqual(self.rows("engines", "--at", known, "--phase", "failed"), [])

    def test_call_takes_files_and_stdin_and_writes_files(self):
        payload = self.folder / "payload"
        payload.write_bytes(bytes(range(256)))
        out = self.folder / "out"
        text, _ = self.ask("call", "echo", "--file", payload, "--out", out, "--idempotent")
        self.assertEqual(text, "")
        self.assertEqual(out.read_bytes(), b"echo 1: " + bytes(range(256)))
        self.assertEqual(self.ask("call", "echo", "--file", "-", stdin=b"piped")[0], "echo 1: piped")

    def test_an_answer_that_cannot_be_written_is_wrong_usage_without_the_folder_and_else_a_failure(self):
        for out, code in ((self.folder / "absent" / "out", 2), ("/dev/full", 1)):
            _, error = self.ask("call", "echo", "--data", "x", "--out", out, code=code)
            self.assertIn(f"cannot write '{out}'", error)

    def test_a_service_that_fails_a_call_is_exit_1_with_its_words(self):
        _, error = self.ask("call", "echo", "--data", "fail", code=1)
        self.assertIn("no such luck", error)

    def test_a_function_or_engine_that_does_not_exist_is_not_found(self):
        self.ask("call", "absent", code=6)
        self.ask("call", "echo", "--at", "absent", code=6)


class ReachTest(FleetTest):
    def test_nobody_there_is_unreachable(self):
        for address in ("unix:/nonexistent/pinnate.sock", "tcp://127.0.0.1:1"):
            with self.subTest(address=address):
                _, error = self.ask("status", "--to", address, "--timeout", "2s", code=3)
                self.assertIn(address.split(":", 1)[1].lstrip("/").split(":")[0], error)

    def test_another_fleet_is_refused_in_words(self):
        self.start_controller()
        _, error = self.ask("status", "--fleet", "other", code=4)
        self.assertIn("fleet", error)

    def test_a_folder_and_an_address_in_use_are_refused(self):
        self.start_controller()
        second = ["controller", "--listen", f"unix:{self.folder}/second.sock", "--state"]
        self.ask(*second, self.folder / "top", code=4)
        self.ask("controller", "--state", self.folder / "other", "--listen", self.to, code=4)

    def test_listening_beyond_loopback_needs_the_word(self):
        _, error = self.ask("controller", "--state", self.folder / "top", "--listen", "tcp://0.0.0.0:0", code=4)
        self.assertIn("insecure", error)

    def test_port_0_is_printed_as_the_port_it_became(self):
        controller = self.start("controller", "--state", self.folder / "top", "--listen", "tcp://127.0.0.1:0")
        line = controller.await_line("listening on tcp://127.0.0.1:")
        address = line.removeprefix("listening on ")
        self.assertNotEqual(address.rsplit(":", 1)[1], "0")
        self.ask("status", "--to", address)

    def test_config_files_run_tiers_and_answer_where_to_ask(self):
        config = self.folder / "controller.toml"
        config.write_text(f'id = "top"\nfleet = "shop"\nstate = "{self.folder}/top"\nlisten = ["{self.to}"]\n'
                          f'to = "{self.to}"\n'
                          'heartbeat = "2s"\nartifact-limit = "64KiB"\nlog-level = "warning"\n')
        self.start("controller", "--config", config).await_line("controller is running")
        gateway = self.folder / "gateway.toml"
        gateway.write_text(f'id = "gate"\nfleet = "shop"\nup = "{self.to}"\nlisten = "unix:{self.folder}/gate.sock"\n'
                           'cache-limit = 1048576\nlabels = { region = "eu" }\n')
        self.start("gateway", "--config", gateway).await_line("gateway is running")
        engine = self.folder / "engine.toml"
        engine.write_text(f'fleet = "shop"\nup = "unix:{self.folder}/gate.sock"\nid = "from-file"\n')
        self.start("engine", "--config", engine, "--id", "from-flag").await_line("engine is running")
        watch = self.start("status", "--watch", "--json", "--config", config)
        watch.await_line(lambda line: json.loads(line)["online_engines"] == 1)
        plain = environment()
        [row] = self.rows("engines", "--config", config, env=plain)
        self.assertEqual((row["id"], row["path"]), ("from-flag", "gate"))
        out, _ = self.ask("publish", "echo@1", self.echo(1), "--select", "region=eu", "--wait", "--config", config,
                          env=plain)
        self.assertIn("all 1 selected", out, "a gateway's labels are inherited")
        large = self.folder / "large"
        large.write_bytes(bytes(100_000))
        self.ask("publish", "large@1", large, "--allow", "not-a-module", "--config", config, env=plain, code=4)

    def test_config_files_say_who_is_dialled_from_above_and_where_things_are_kept(self):
        self.start_controller()
        gateway, engine = self.folder / "gateway.toml", self.folder / "engine.toml"
        engine.write_text(f'id = "one"\nlisten = "unix:{self.folder}/one.sock"\nstate = "{self.folder}/one-state"\n')
        self.start("engine", "--config", engine).await_line("engine is running")
        gateway.write_text(f'id = "gate"\nup = "{self.to}"\ndown = ["unix:{self.folder}/one.sock"]\n'
                           f'cache = "{self.folder}/gate-cache"\n')
        self.start("gateway", "--config", gateway).await_line("gateway is running")
        self.await_status(lambda status: status["online_engines"] == 1)
        [row] = self.rows("engines")
        self.assertEqual((row["id"], row["path"], row["online"]), ("one", "gate", True))
        for kept in ("one-state", "gate-cache"):
            self.assertTrue((self.folder / kept).is_dir(), kept)

    def test_config_files_say_how_fast_a_controller_notices_how_soon_it_forgets_and_how_much_it_tells(self):
        config = self.folder / "controller.toml"
        config.write_text(f'id = "top"\nstate = "{self.folder}/top"\nlisten = "{self.to}"\n'
                          'forget-after = "1s"\nheartbeat = "100ms"\nlog-level = "debug"\n')
        controller = self.start("controller", "--config", config)
        controller.await_line("controller is running")
        engine = self.start("engine", "--id", "one", "--up", self.to)
        self.await_status(lambda status: status["online_engines"] == 1)
        engine.signal(signal.SIGSTOP)
        self.await_status(lambda status: status["online_engines"] == 0)
        silent = re.search(r"the link to engine 'one' ended: .*silent for (\d+) ms", controller.told())
        self.assertLess(int(silent[1]), 3 * 5000, "what it takes without the file")
        engine.signal(signal.SIGKILL)
        self.await_status(lambda status: (status["known_engines"], status["forgotten_engines"]) == (0, 1))
        self.assertRegex(controller.told(), r"(?m)^\S+Z debug .")

    def test_a_config_file_says_how_much_a_gateway_keeps_and_status_when_that_is_too_little(self):
        self.start_controller()
        config = self.folder / "gateway.toml"
        config.write_text(f'id = "gate"\nup = "{self.to}"\nlisten = "unix:{self.folder}/gate.sock"\ncache-limit = "1KiB"\n')
        self.start("gateway", "--config", config).await_line("gateway is running")
        self.start_engine("one")
        self.await_status(lambda status: status["online_engines"] == 1)
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.await_status(lambda status: status["notices"])
        out, _ = self.ask("status")
        self.assertRegex(out, r"'gate': the cache limit of 1024 bytes is \d+ bytes too small for the current releases")

    def test_where_to_ask_is_said_by_the_flag_before_the_environment_before_the_file(self):
        self.start_controller()
        nowhere = f"unix:{self.folder}/nowhere.sock"
        right, wrong = self.folder / "right.toml", self.folder / "wrong.toml"
        right.write_text(f'to = "{self.to}"\n')
        wrong.write_text(f'to = "{nowhere}"\n')
        limit = ("--timeout", "2s")
        self.ask("history", "--to", self.to, "--config", wrong, env=environment(PINNATE_TO=nowhere))
        self.ask("history", "--to", nowhere, "--config", right, *limit, code=3)
        self.ask("history", "--config", wrong)
        self.ask("history", "--config", right, *limit, env=environment(PINNATE_TO=nowhere), code=3)
        self.ask("history", "--config", right, env=environment())
        self.ask("history", "--config", wrong, *limit, env=environment(), code=3)


class StopTest(FleetTest):
    def test_every_tier_ends_cleanly_on_sigterm_and_sigint(self):
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        for process, number in ((self.engines[0], signal.SIGTERM), (self.engines[1], signal.SIGINT),
                                (self.gateway, signal.SIGTERM), (self.controller, signal.SIGINT)):
            process.signal(number)
            self.assertEqual(process.await_end(), 0, process.told())

    def test_a_second_signal_ends_a_tier_at_once(self):
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.start("call", "echo", "--data", "slow", "--at", "one", "--to", self.to)
        engine = self.engines[0]
        engine.await_line("a slow call begins")
        engine.signal(signal.SIGTERM)
        engine.await_line("engine is stopping")
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.await_end(), -signal.SIGTERM)

    def test_those_above_log_that_a_tier_left_at_info_and_that_it_crashed_as_a_warning(self):
        self.start_tree()
        last = self.start_engine("last", gateway="gate")
        self.await_status(lambda status: status["online_engines"] == 3)
        for process, number in ((self.engines[0], signal.SIGTERM), (self.engines[1], signal.SIGINT), (last, signal.SIGKILL)):
            process.signal(number)
            process.await_end()
        self.await_status(lambda status: status["online_engines"] == 0)
        self.gateway.signal(signal.SIGTERM)
        self.gateway.await_end()
        self.await_status(lambda status: status["online_gateways"] == 0)
        second = self.start_gateway("second")
        self.await_status(lambda status: status["online_gateways"] == 1)
        second.signal(signal.SIGKILL)
        self.await_status(lambda status: status["online_gateways"] == 0)
        gateway, controller = self.gateway.told(), self.controller.told()
        for told, who in ((gateway, "engine 'one'"), (gateway, "engine 'two'"), (controller, "gateway 'gate'")):
            self.assertRegex(told, f"info the link to {who} ended: it left")
        for told, who in ((gateway, "engine 'last'"), (controller, "gateway 'second'")):
            self.assertRegex(told, f"warning the link to {who} ended: .*was lost")
        self.assertEqual((gateway + controller).count(" warning "), 2, gateway + controller)

    def test_a_log_line_has_time_and_level(self):
        controller = self.start_controller("--log-level", "debug")
        self.ask("status")
        controller.signal(signal.SIGTERM)
        controller.await_end()
        controller.errors.seek(0)
        lines = controller.errors.read().decode().splitlines()
        self.assertTrue(lines, "at debug a start and a client say something")
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) .")


class RestartTest(FleetTest):
    def test_an_engine_killed_and_started_again_gets_what_was_published_meanwhile(self):
        self.controller = self.start_controller()
        self.start_gateway()
        state = ("--state", self.folder / "one-state")
        one = self.start_engine("one", *state)
        self.start_engine("two")
        self.await_status(lambda status: status["online_engines"] == 2)
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        one.signal(signal.SIGKILL)
        one.await_end()
        status = self.await_status(lambda s: s["online_engines"] == 1 and phases(s, "echo")["offline"] == 1)
        self.assertEqual(status["known_engines"], 2)
        out, _ = self.ask("publish", "echo@2", self.echo(2), "--wait")
        self.assertIn("all 1 selected online", out)
        one = self.start_engine("one", *state)
        one.await_line("service echo@2 release 2: live")
        status = self.await_status(lambda s: phases(s, "echo")["live"] == 2)
        self.assertEqual(status["known_engines"], 2)

    def test_a_controller_killed_and_started_again_has_what_was_acknowledged(self):
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.controller.signal(signal.SIGKILL)
        self.controller.await_end()
        gate = environment(PINNATE_TO=f"unix:{self.folder}/gate.sock")
        self.assertEqual(self.ask("call", "echo", "--data", "x", env=gate)[0], "echo 1: x", "the tree below goes on")
        self.start_controller()
        self.await_status(lambda s: s["online_engines"] == 2 and phases(s, "echo")["live"] == 2)
        self.ask("publish", "echo@2", self.echo(2), "--wait")

    def test_a_gateway_killed_and_started_again_brings_its_engines_back(self):
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.gateway.signal(signal.SIGKILL)
        self.gateway.await_end()
        self.await_status(lambda s: s["online_engines"] == 0 and phases(s, "echo")["offline"] == 2)
        self.start_gateway()
        self.await_status(lambda s: s["online_engines"] == 2 and phases(s, "echo")["live"] == 2)

    def test_an_engine_with_a_state_folder_serves_with_no_link_at_all(self):
        self.start_tree()
        engine = self.start_engine("kept", "--state", self.folder / "kept")
        self.await_status(lambda s: s["online_engines"] == 3)
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        for process in (engine, self.gateway, self.controller):
            process.signal(signal.SIGTERM)
            process.await_end()
        alone = f"unix:{self.folder}/alone.sock"
        engine = self.start("engine", "--id", "kept", "--state", self.folder / "kept", "--listen", alone)
        engine.await_line("service echo@1 release 1: live")
        self.assertEqual(self.ask("call", "echo", "--data", "x", "--to", alone)[0], "echo 1: x")


if __name__ == "__main__":
    unittest.main()

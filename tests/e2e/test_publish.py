"""What a controller takes, refuses, and makes of it for whom."""

from fleet import FAILED, NOT_FOUND, OK, REFUSED, USAGE, FleetTest, current, module, padded, patched

E_MACHINE, AARCH64 = 18, (183).to_bytes(2, "little")


class OrderTest(FleetTest):
    """What is wrong or void about an order; one engine shows what came of it."""

    def setUp(self):
        super().setUp()
        self.top = self.controller("--artifact-limit", "64KiB")
        self.engine("e1", state=None)
        self.await_status(lambda s: s["online_engines"] == 1)

    def history(self, name=None):
        return [(r["version"], r["release"], r["current"]) for r in self.rows("history", *([name] if name else []))]

    def test_malformed_names_and_versions_are_refused_and_named(self):
        for wrong in ("Upper@1", "a b@1", "-dash@1", ".dot@1", "a/b@1", "x" * 64 + "@1", "fn@1 0", "fn@" + "9" * 64, "fn@1/2"):
            with self.subTest(module=wrong):
                out = self.publish(wrong, module("counter-1"), code=USAGE)
                name, version = wrong.split("@")
                self.assertTrue(name[:40] in out or version[:40] in out, out)
        self.assertEqual(self.history(), [], "nothing came of them")

    def test_the_longest_name_and_version_are_taken(self):
        name, version = "x" * 63, "9" * 63
        self.publish(f"{name}@{version}", module("counter-1"))
        self.assertEqual(self.call(name), "1 1")

    def test_malformed_selectors_are_refused(self):
        for wrong in ("=eu", "region=a b", "region==eu", "a,,b", "!"):
            with self.subTest(selector=wrong):
                self.publish("fn@1", module("counter-1"), "--select", wrong, code=USAGE)
        self.assertEqual(self.history(), [])

    def test_publishing_what_is_current_makes_no_new_release(self):
        self.publish("fn@1", module("counter-1"))
        self.assertEqual(self.call("fn"), "1 1")
        out = self.publish("fn@1", module("counter-1"))
        self.assertIn("fn 1 is already current: release 1", out)
        self.assertEqual(self.history("fn"), [("1", 1, True)])
        self.assertEqual(self.call("fn"), "1 2", "its service was not touched")

    def test_the_same_version_with_another_configuration_is_a_new_release(self):
        self.publish("fn@1", module("counter-1"), "--config-text", "a")
        self.assertEqual(self.call("fn"), "1 1")
        self.publish("fn@1", module("counter-1"), "--config-text", "b")
        self.assertEqual(self.history("fn"), [("1", 2, True), ("1", 1, False)])

    def test_the_same_version_with_other_bytes_is_refused_and_nothing_changes(self):
        self.publish("fn@1", module("counter-1"))
        out = self.publish("fn@1", module("counter-2"), code=REFUSED)
        self.assertIn("module 'fn' 1 was published with other bytes for linux-x86_64", out)
        self.assertEqual(self.history("fn"), [("1", 1, True)])
        self.assertEqual(self.call("fn"), "1 1")

    def test_other_bytes_for_any_platform_are_other_bytes_for_the_one_that_was_published(self):
        self.publish("fn@1", module("counter-1"))
        out = self.publish("fn@1", "--platform", f"any={module('counter-2')}", code=REFUSED)
        self.assertIn("other bytes", out)
        self.assertEqual(self.history("fn"), [("1", 1, True)])
        self.assertEqual(self.call("fn"), "1 1")

    def test_the_same_version_with_other_bytes_is_refused_also_when_it_is_no_longer_current(self):
        self.publish("fn@1", module("counter-1"))
        self.publish("fn@2", module("counter-2"))
        self.ask("unpublish", "fn")
        self.publish("fn@1", module("counter-2"), code=REFUSED)
        self.top.kill().start()
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("fn@1", module("counter-2"), code=REFUSED)

    def test_an_older_version_published_again_is_a_new_release(self):
        self.publish("fn@1", module("counter-1"))
        self.publish("fn@2", module("counter-2"))
        out = self.publish("fn@1", module("counter-1"))
        self.assertIn("published fn 1 as release 3", out)
        self.assertEqual(self.call("fn").split()[0], "1")
        self.assertEqual(self.history("fn"), [("1", 3, True), ("2", 2, False), ("1", 1, False)])

    def test_an_artifact_over_the_limit_is_refused_with_both_numbers(self):
        large = padded("counter-1", 65536)
        out = self.publish("large@1", large, code=REFUSED)
        self.assertIn(f"is {large.stat().st_size} bytes; the limit is 65536", out)
        self.assertEqual(self.history(), [])
        self.publish("small@1", module("counter-1"))

    def test_a_configuration_over_its_limit_is_refused(self):
        config = self.folder / "config"
        config.write_bytes(bytes(65537))
        self.assertIn("more than 65536 bytes", self.publish("fn@1", module("counter-1"), "--config-bytes", config, code=REFUSED))

    def test_withdrawing_what_is_not_there_is_not_found(self):
        self.assertIn("nothing", self.ask("unpublish", "nothing", code=NOT_FOUND))
        self.publish("fn@1", module("counter-1"))
        self.assertIn("7", self.ask("unpublish", "fn@7", code=NOT_FOUND))

    def test_a_withdrawn_function_is_gone_and_can_come_back(self):
        self.publish("fn@1", module("counter-1"))
        self.ask("unpublish", "fn")
        self.await_status(lambda s: not s["releases"])
        self.call("fn", code=NOT_FOUND)
        self.publish("fn@1", module("counter-1"))
        self.assertEqual(self.call("fn"), "1 1", "a fresh service")

    def test_a_loader_that_no_engine_has_fails_there_in_words(self):
        self.assertIn("wasm", self.publish("fn@1", module("counter-1"), "--loader", "wasm", code=FAILED))


class DefaultLimitTest(FleetTest):
    def test_without_a_limit_of_its_own_a_controller_takes_no_artifact_over_256_mib(self):
        self.controller()
        large = self.folder / "large"
        with open(large, "wb") as file:
            file.truncate((256 << 20) + 1)
        out = self.publish("large@1", "--platform", f"any={large}", "--allow", "not-a-module", wait=False, code=REFUSED)
        self.assertIn("is 268435457 bytes; the limit is 268435456", out)
        self.assertEqual(self.rows("history"), [])


class SelectionTest(FleetTest):
    """Two sites with labels of their own, engines with theirs."""

    def setUp(self):
        super().setUp()
        self.top = self.controller()
        self.eu = self.gateway("eu", "--label", "region=eu", "--label", "tier=edge")
        self.us = self.gateway("us", "--label", "region=us")
        self.pod = self.gateway("pod", "--label", "tier=pod", up=self.eu.address)
        self.engine("eu1", up=self.eu.address, state=None)
        self.engine("eu2", "--label", "ring=canary", up=self.pod.address, state=None)
        self.engine("us1", "--label", "ring=canary", up=self.us.address, state=None)
        self.await_status(lambda s: s["online_engines"] == 3)

    def serving(self, name):
        """Which version each engine serves."""
        rows = self.engines_by_id("--name", name)
        return {engine: s["version"] for engine, row in rows.items() for s in row["services"] if s["serving"]}

    def test_labels_of_gateways_are_inherited_and_the_nearest_wins(self):
        for selector, engines in {"region=eu": {"eu1", "eu2"}, "region!=eu": {"us1"}, "tier=edge": {"eu1"}, "tier=pod": {"eu2"},
                                  "!tier": {"us1"}, "tier": {"eu1", "eu2"}, "ring=canary,region=eu": {"eu2"},
                                  "ring!=canary": {"eu1"}}.items():
            with self.subTest(selector=selector):
                name = f"fn{abs(hash(selector))}"
                out = self.publish(f"{name}@1", module("counter-1"), "--select", selector)
                self.assertIn(f"all {len(engines)} selected", out)
                self.assertEqual(set(self.serving(name)), engines)

    def test_those_not_selected_are_counted_as_such(self):
        self.publish("fn@1", module("counter-1"), "--select", "region=eu")
        status = self.await_live("fn", 2)
        self.assertEqual(current(status, "fn")["phases"]["not selected"], 1)
        self.call("fn", at="us1", code=NOT_FOUND)

    def test_an_overlay_lies_over_the_older_release_and_withdrawing_it_uncovers_that(self):
        self.publish("fn@1", module("counter-1"))
        self.publish("fn@2", module("counter-2"), "--select", "ring=canary")
        self.assertEqual(self.serving("fn"), {"eu1": "1", "eu2": "2", "us1": "2"})
        self.ask("unpublish", "fn@2")
        self.await_status(lambda s: [(r["version"], r["serving"]) for r in s["releases"]] == [("1", 3)])
        self.assertEqual(self.serving("fn"), {"eu1": "1", "eu2": "1", "us1": "1"})

    def test_a_release_for_everybody_ends_all_overlays(self):
        self.publish("fn@1", module("counter-1"))
        self.publish("fn@2", module("counter-2"), "--select", "ring=canary")
        self.publish("fn@3", module("counter-1"))
        self.assertEqual(self.serving("fn"), {"eu1": "3", "eu2": "3", "us1": "3"})
        self.assertEqual([r["version"] for r in self.rows("history", "fn") if r["current"]], ["3"])

    def test_labels_of_a_gateway_that_comes_back_with_others_select_anew(self):
        self.publish("fn@1", module("counter-1"), "--select", "region=eu")
        self.us.stop()
        self.us.arguments[self.us.arguments.index("region=us")] = "region=eu"
        self.us.start()
        self.await_live("fn", 3)

    def test_each_platform_gets_its_own_artifact_and_the_rest_is_incompatible(self):
        arm = patched("counter-1", E_MACHINE, AARCH64)
        self.publish("fn@1", module("counter-1"), arm)
        self.assertEqual(self.call("fn", at="us1"), "1 1")
        [row] = self.rows("history", "fn")
        self.assertEqual(row["platforms"], "linux-aarch64 linux-x86_64")
        out = self.publish("fn@2", "--platform", f"linux-riscv64={arm}", "--platform", f"linux-aarch64={arm}",
                           "--allow", "platform", code=FAILED)
        self.assertIn("incompatible: module 'fn' 2: no artifact for linux-x86_64 (published: linux-aarch64 linux-riscv64)", out)
        status = self.await_status(lambda s: current(s, "fn")["phases"]["incompatible"] == 3)
        self.assertEqual([r["serving"] for r in status["releases"] if r["version"] == "1"], [3], "the older one goes on")

    def test_an_artifact_for_any_platform_serves_them_all(self):
        self.publish("fn@1", "--platform", f"any={module('counter-1')}", code=OK)
        self.assertEqual(set(self.serving("fn")), {"eu1", "eu2", "us1"})

    def test_one_platform_twice_is_refused(self):
        self.publish("fn@1", module("counter-1"), module("counter-2"), code=USAGE)


if __name__ == "__main__":
    import unittest

    unittest.main()

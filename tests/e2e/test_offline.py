"""Tiers that are lost, silent, forgotten, twice there, or on their own; and counts that are right all the while."""

import signal
import unittest

from fleet import LIMIT, FleetTest, current, module, padded, phase


class AloneTest(FleetTest):
    """What goes on below a link that is gone."""

    def setUp(self):
        super().setUp()
        self.small_fleet(engines=1)
        self.publish("fn@1", padded("counter-1", 1 << 20))

    def test_a_gateway_that_lost_its_upstream_serves_newcomers_from_its_cache(self):
        self.top.kill()
        self.engine("new", up=self.gate.address, state=None)
        self.await_live("fn", 2, to=self.gate.address)
        self.assertEqual(self.call("fn", at="new", to=self.gate.address), "1 1")

    def test_a_client_that_closes_is_refused_by_no_tier(self):
        listening = self.engine("asked", "--listen", f"unix:{self.folder}/asked.sock", up=self.gate.address)
        for tier, address in ((self.top, self.to), (self.gate, self.gate.address), (listening, f"unix:{self.folder}/asked.sock")):
            with self.subTest(tier=tier.name):
                self.rows("status", to=address)
                self.assertNotIn("may not send", tier.await_line(lambda line: "link to client" in line and " ended: " in line))

    def test_a_gateway_restarted_without_its_upstream_serves_newcomers_from_its_cache(self):
        self.top.kill()
        self.gate.kill().start()
        self.engine("new", up=self.gate.address, state=None)
        self.await_live("fn", 2, to=self.gate.address)
        self.assertEqual(self.call("fn", at="new", to=self.gate.address), "1 1")

    def test_a_gateway_below_a_gateway_gets_all_from_it_without_the_controller(self):
        self.top.kill()
        pod = self.gateway("pod", up=self.gate.address)
        self.engine("new", up=pod.address, state=None)
        self.await_live("fn", 1, to=pod.address)

    def test_newcomers_inherit_the_labels_that_their_gateway_inherited_before_it_was_alone(self):
        pod = self.gateway("pod", up=self.labelled().address)
        self.publish("eu@1", module("counter-2"), "--select", "region=eu")
        self.await_status(lambda s: True)
        self.engine("first", up=pod.address, state=None)
        self.await_live("eu", 1)
        for tier in (self.top, self.site, pod):
            tier.kill()
        pod.start()
        self.engine("new", up=pod.address, state=None)
        self.await_status(lambda s: phase(s, "eu", "live") == 2, to=pod.address)

    def labelled(self):
        self.site = self.gateway("site", "--label", "region=eu")
        return self.site

    def test_an_engine_with_a_state_folder_restarted_with_no_link_serves_its_last_state(self):
        alone = f"unix:{self.folder}/alone.sock"
        self.publish("second@1", module("counter-2"))
        engine = self.engines[0]
        for tier in (engine, self.gate, self.top):
            tier.kill()
        engine.arguments += ["--listen", alone]
        engine.start()
        engine.await_line("service fn@1 release 1: live")
        engine.await_line("service second@1 release 2: live")
        self.assertEqual(self.call("fn", to=alone), "1 1")
        self.assertEqual(self.call("second", to=alone), "2 1")

    def test_what_was_decided_while_a_gateway_was_away_arrives_when_it_is_back(self):
        self.gate.kill()
        self.await_status(lambda s: s["online_engines"] == 0)
        self.publish("fn@2", module("counter-2"))
        self.publish("other@1", module("counter-1"))
        self.ask("unpublish", "fn")
        self.publish("fn@3", module("counter-2"))
        self.gate.start()
        self.await_live("fn", 1, version="3")
        self.await_live("other", 1)
        self.assertEqual(self.call("fn"), "2 1")

    def test_an_engine_that_comes_back_with_an_old_state_ends_with_the_newest(self):
        self.engines[0].kill()
        self.await_status(lambda s: s["online_engines"] == 0)
        self.ask("unpublish", "fn")
        self.publish("other@1", module("counter-2"))
        self.engines[0].start()
        self.await_live("other", 1)
        self.await_status(lambda s: [r["name"] for r in s["releases"]] == ["other"])
        self.assertEqual([s["name"] for s in self.engines_by_id()["e1"]["services"]], ["other"])


class OfflineTest(FleetTest):
    def offline(self, count):
        def counted(status):
            return status["known_engines"] - status["online_engines"] == count
        return self.await_status(counted)

    def test_a_lost_engine_is_offline_and_neither_failed_nor_live(self):
        self.small_fleet()
        self.publish("fn@1", module("counter-1"))
        self.engines[0].kill()
        status = self.offline(1)
        release = current(status, "fn")
        self.assertEqual({k: n for k, n in release["phases"].items() if n}, {"live": 1, "offline": 1})
        self.assertEqual((release["serving"], release["serving_offline"]), (1, 1))

    def lost_gateway(self, end):
        """A gateway and the controller go, in one way or another, and the controller comes back alone."""
        self.small_fleet()
        self.publish("fn@1", module("counter-1"))
        self.await_live("fn", 2)
        self.top.stop().start()  # so that what it knows is on its disk
        self.await_live("fn", 2)
        self.gate.kill()
        self.offline(2)
        end(self.top).start()
        status = self.offline(2)
        self.assertEqual((status["known_engines"], status["known_gateways"], status["online_gateways"]), (2, 1, 0))
        self.assertEqual(current(status, "fn")["serving_offline"], 2)
        self.assertEqual(current(status, "fn")["phases"]["offline"], 2)
        self.assertIn("no engine that is online is selected (2 are offline); those", self.publish("fn@2", module("counter-2")))
        self.gate.start()
        self.await_live("fn", 2)

    def test_a_lost_gateway_turns_its_engines_offline_also_across_a_restart_of_the_controller(self):
        self.lost_gateway(lambda top: top.stop())

    def test_a_lost_gateway_turns_its_engines_offline_also_across_a_death_of_the_controller(self):
        self.lost_gateway(lambda top: top.kill())

    def test_a_controller_killed_a_moment_after_an_engine_came_knows_its_fleet_or_learns_it(self):
        self.small_fleet()
        self.top.kill().start()
        self.await_status(lambda s: (s["known_engines"], s["online_engines"]) == (2, 2))

    def test_an_engine_offline_for_the_forget_time_is_forgotten_and_counted_as_such(self):
        self.top = self.controller("--forget-after", "1s")
        self.gate = self.gateway("gate", "--forget-after", "1s")
        lost = self.engine("lost", up=self.gate.address)
        self.engine("kept", up=self.gate.address)
        self.await_status(lambda s: s["online_engines"] == 2)
        lost.kill()
        self.offline(1)
        status = self.await_status(lambda s: s["known_engines"] == 1)
        self.assertEqual((status["online_engines"], status["forgotten_engines"]), (1, 1))
        self.top.kill().start()
        status = self.await_status(lambda s: s["online_engines"] == 1)
        self.assertEqual(status["forgotten_engines"], 1, "also after a restart of the controller")
        lost.start()
        self.await_status(lambda s: (s["known_engines"], s["online_engines"]) == (2, 2))

    def test_a_gateway_offline_for_the_forget_time_is_forgotten_with_its_engines(self):
        self.top = self.controller("--forget-after", "1s")
        self.gate = self.gateway("gate")
        for name in ("e1", "e2"):
            self.engine(name, up=self.gate.address)
        self.await_status(lambda s: s["online_engines"] == 2)
        self.gate.kill()
        status = self.await_status(lambda s: s["known_engines"] == 0)
        self.assertEqual((status["known_gateways"], status["forgotten_engines"]), (0, 2))
        self.gate.start()
        self.await_status(lambda s: (s["known_engines"], s["online_engines"], s["known_gateways"]) == (2, 2, 1))

    def test_an_engine_without_a_state_folder_that_stops_is_gone_and_not_offline(self):
        self.small_fleet(engines=1)
        passing = self.engine("passing", up=self.gate.address, state=None)
        self.await_status(lambda s: s["online_engines"] == 2)
        passing.stop()
        self.await_status(lambda s: (s["known_engines"], s["online_engines"], s["forgotten_engines"]) == (1, 1, 0))


class SilenceTest(FleetTest):
    heartbeat = "200ms"

    def test_an_engine_that_stands_still_is_found_offline_and_is_back_when_it_goes_on(self):
        self.small_fleet()
        self.publish("fn@1", module("counter-1"))
        self.engines[0].program.signal(signal.SIGSTOP)
        status = self.await_status(lambda s: phase(s, "fn", "offline") == 1)
        self.assertEqual((phase(status, "fn", "live"), status["known_engines"]), (1, 2))
        self.engines[0].program.signal(signal.SIGCONT)
        self.await_live("fn", 2)
        self.assertRegex(self.call("fn", at="e1"), r"^1 \d+$")

    def test_a_gateway_that_stands_still_is_found_offline_with_all_below_and_is_back_when_it_goes_on(self):
        self.small_fleet()
        self.publish("fn@1", module("counter-1"))
        self.gate.program.signal(signal.SIGSTOP)
        self.await_status(lambda s: (s["online_engines"], s["online_gateways"], phase(s, "fn", "offline")) == (0, 0, 2))
        self.gate.program.signal(signal.SIGCONT)
        self.await_live("fn", 2)

    def test_a_controller_that_stands_still_and_goes_on_has_its_fleet_back(self):
        self.small_fleet()
        self.top.program.signal(signal.SIGSTOP)
        self.gate.await_line("the link to controller 'top' ended")
        self.top.program.signal(signal.SIGCONT)
        self.publish("fn@1", module("counter-1"), wait=False)
        self.await_live("fn", 2)


class TwiceTest(FleetTest):
    def test_a_second_engine_under_one_id_is_refused_in_words_and_shown(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", module("counter-1"))
        self.assertEqual(self.call("fn"), "1 1")
        second = self.engine("e1", up=self.gate.address, state=None)
        second.await_line("refused by the peer: another engine 'e1' is linked to gateway 'gate'; ids must be unique in a fleet")
        status = self.await_notice("two tiers call themselves 'e1': the one linked first stays, the other is refused")
        self.assertEqual((status["known_engines"], status["online_engines"]), (1, 1))
        self.assertEqual(self.call("fn"), "1 2", "the first one answers")

    def test_the_second_engine_takes_over_when_the_first_is_gone_and_the_notice_goes(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", module("counter-1"))
        second = self.engine("e1", up=self.gate.address, state=None)
        second.await_line("refused by the peer")
        self.await_notice("two tiers call themselves 'e1'")
        self.engines[0].kill()
        second.await_line("upstream gateway 'gate' is linked")
        self.await_status(lambda s: s["online_engines"] == 1 and not s["notices"])

    def test_a_second_gateway_under_one_id_is_refused_in_words_and_shown(self):
        self.small_fleet(engines=1)
        second = self.tier("gateway", "gate", ["--up", self.to, "--listen", f"unix:{self.folder}/second.sock"])
        second.await_line("refused by the peer: another gateway 'gate' is linked to controller 'top'")
        self.await_notice("two tiers call themselves 'gate'")


class CountsTest(FleetTest):
    """Every report that any tier gives while things happen is checked by the fixture."""

    def test_counts_sum_at_every_moment_and_equal_the_truth_at_the_end(self):
        self.top = self.controller("--forget-after", "2s")
        gates = [self.gateway(f"g{i}", "--forget-after", "2s") for i in (1, 2)]
        engines = [self.engine(f"e{i}", up=gates[i % 2].address, state=i < 4 or None) for i in range(6)]
        watches = [self.watch(tier.address) for tier in (self.top, *gates)]
        self.await_status(lambda s: s["online_engines"] == 6)
        self.publish("fn@1", module("counter-1"))
        engines[0].kill()
        # Whether the engine counts as online when this comes is open, so there is no waiting for it by --wait, which tells engines lost.
        self.publish("fn@2", module("counter-2"), "--select", "!nothing", wait=False)
        self.await_live("fn", 5, version="2")
        gates[1].kill()
        engines[4].stop()
        self.publish("sick@1", module("create-fails"), wait=False)
        self.top.kill().start()
        gates[1].start()
        engines[2].kill().start()
        self.ask("unpublish", "fn@2")
        self.publish("third@1", padded("counter-1", 1 << 20), wait=False)
        self.await_status(lambda s: (s["known_engines"], s["online_engines"], s["forgotten_engines"]) == (4, 4, 1), timeout=2 * LIMIT)
        self.await_live("fn", 4, version="1")
        self.await_live("third", 4)
        # A failed one is loading for a moment, each time that it is tried again.
        status = self.await_status(lambda s: phase(s, "sick", "failed") == 4)
        self.assertEqual((status["known_gateways"], status["online_gateways"]), (2, 2))
        for watch in watches:
            self.assertTrue(watch.reports)
            watch.check()


if __name__ == "__main__":
    unittest.main()

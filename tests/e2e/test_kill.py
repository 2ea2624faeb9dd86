"""kill -9 of each tier in the middle of a publish, and then: the fleet ends as published, and no chunk travels in vain."""

import unittest

from fleet import OK, UNKNOWN, UNREACHABLE, FleetTest, current, module, padded
from proxy import Proxy

MIB = 1 << 20
WINDOW = 16  # chunks that may be on their way over one link; what a killed tier had not stored of them comes again


class KillTest(FleetTest):
    """Controller, node gateway, container gateway, three engines; every link but two of the engines' runs through a proxy."""

    def setUp(self):
        super().setUp()
        self.file = padded("counter-1", 6 * MIB)
        self.chunks = -(-self.file.stat().st_size // 65536)
        self.top = self.controller()
        self.above_site = self.proxy(self.to)
        self.site = self.gateway("site", up=self.above_site.address)
        self.above_pod = self.proxy(self.site.address)
        self.pod = self.gateway("pod", up=self.above_pod.address)
        self.above_e1 = self.proxy(self.pod.address)
        self.e1 = self.engine("e1", up=self.above_e1.address)
        self.e2 = self.engine("e2", up=self.pod.address)
        self.e3 = self.engine("e3", up=self.pod.address, state=None)
        self.await_status(lambda s: s["online_engines"] == 3)

    def proxy(self, target):
        proxy = Proxy(target)
        self.addCleanup(proxy.close)
        return proxy

    def ends_as_published(self):
        self.await_live("big", 3)
        for engine in ("e1", "e2", "e3"):
            self.assertRegex(self.call("big", at=engine), r"^1 \d+$")

    def crossed_once(self, proxy, again=0):
        """Every chunk came over, and at most so many came twice."""
        self.assertEqual(len(proxy.chunks), self.chunks, "every chunk came over")
        self.assertLessEqual(proxy.chunks.total() - self.chunks, again, "chunks that came more than once")

    def test_each_chunk_crosses_each_link_once_however_many_engines_want_it(self):
        self.publish("big@1", self.file)
        self.ends_as_published()
        for proxy in (self.above_site, self.above_pod, self.above_e1):
            self.crossed_once(proxy)
            self.assertLess(proxy.bytes["down"], self.file.stat().st_size * 1.01)
        self.engine("new", up=self.pod.address)
        self.await_live("big", 4)
        self.crossed_once(self.above_site)
        self.crossed_once(self.above_pod)

    def killed_below(self, proxy, tier):
        """The tier below the proxy dies with half of the artifact."""
        proxy.hold_after(self.chunks // 2)
        self.publish("big@1", self.file, wait=False)
        proxy.await_held()
        tier.kill()
        proxy.cut()
        proxy.release()
        tier.start()
        self.ends_as_published()
        self.crossed_once(proxy, again=WINDOW)

    def test_a_node_gateway_killed_in_the_middle_goes_on_where_it_stopped(self):
        self.killed_below(self.above_site, self.site)

    def test_a_container_gateway_killed_in_the_middle_goes_on_where_it_stopped(self):
        self.killed_below(self.above_pod, self.pod)
        self.crossed_once(self.above_site)

    def test_an_engine_killed_in_the_middle_goes_on_where_it_stopped(self):
        self.killed_below(self.above_e1, self.e1)
        self.crossed_once(self.above_pod)

    def test_a_link_cut_in_the_middle_goes_on_where_it_stopped(self):
        self.above_site.hold_after(self.chunks // 2)
        self.publish("big@1", self.file, wait=False)
        self.above_site.await_held()
        self.above_site.cut()
        self.above_site.release()
        self.ends_as_published()
        self.crossed_once(self.above_site, again=WINDOW)

    def test_a_controller_killed_while_it_sends_goes_on_after_its_restart(self):
        self.above_site.hold_after(self.chunks // 2)
        self.publish("big@1", self.file, wait=False)
        self.above_site.await_held()
        self.top.kill()
        self.above_site.cut()
        self.above_site.release()
        self.top.start()
        self.ends_as_published()
        self.crossed_once(self.above_site, again=WINDOW)

    def test_a_controller_killed_while_it_takes_a_publish_has_nothing_of_it_and_takes_it_the_next_time(self):
        front = self.proxy(self.to)
        front.hold_after(self.chunks // 2, direction="up")
        publish = self.start_command("publish", "big@1", self.file, to=front.address)
        front.await_held()
        self.top.kill()
        front.cut()
        front.release()
        self.assertIn(publish.await_end(), (UNKNOWN, UNREACHABLE), publish.lines)
        self.top.start()
        self.assertEqual(self.rows("history"), [])
        self.publish("big@1", self.file, to=front.address)
        self.assertLessEqual(front.chunks_up.total(), self.chunks + WINDOW, "it went on where it stopped")
        self.ends_as_published()

    def test_a_publisher_killed_in_the_middle_leaves_nothing_behind(self):
        front = self.proxy(self.to)
        front.hold_after(self.chunks // 2, direction="up")
        publish = self.start_command("publish", "big@1", self.file, to=front.address)
        front.await_held()
        publish.signal(9)
        publish.await_end()
        front.cut()
        front.release()
        self.assertEqual(self.rows("history"), [])
        self.publish("big@1", self.file, to=front.address)
        self.assertLessEqual(front.chunks_up.total(), self.chunks + WINDOW, "it went on where it stopped")
        self.ends_as_published()

    def test_a_publish_that_was_acknowledged_survives_a_kill_at_once(self):
        for version in range(1, 6):
            self.publish(f"quick@{version}", module("counter-1"), wait=False)
            self.top.kill().start()
            self.assertEqual(self.rows("history", "quick")[0]["version"], str(version))
        self.await_live("quick", 3, version="5")

    def test_the_whole_fleet_killed_in_the_middle_ends_as_published(self):
        self.above_pod.hold_after(self.chunks // 2)
        self.publish("big@1", self.file, wait=False)
        self.above_pod.await_held()
        fleet = (self.top, self.site, self.pod, self.e1, self.e2, self.e3)
        for tier in fleet:
            tier.kill()
        for proxy in (self.above_site, self.above_pod, self.above_e1):
            proxy.cut()
            proxy.release()
        for tier in reversed(fleet):
            tier.start()
        self.ends_as_published()
        self.crossed_once(self.above_site, again=WINDOW)
        self.crossed_once(self.above_pod, again=WINDOW)

    def test_a_gateway_killed_while_a_second_release_is_on_its_way_ends_with_the_newest(self):
        self.publish("big@1", self.file)
        self.above_site.hold_after(self.chunks + 10)
        self.publish("big@2", padded("counter-2", 6 * MIB, seed=2), wait=False)
        self.above_site.await_held()
        self.publish("big@3", padded("counter-2", MIB, seed=3), wait=False)
        self.site.kill()
        self.above_site.cut()
        self.above_site.release()
        self.site.start()
        status = self.await_live("big", 3, version="3")
        self.assertEqual(current(status, "big")["serving"], 3)
        self.assertEqual(self.call("big", at="e1"), "2 1")

    def test_engines_go_on_answering_through_the_gateway_while_the_controller_is_dead(self):
        self.publish("fn@1", module("counter-1"))
        self.top.kill()
        self.assertEqual(self.call("fn", at="e2", to=self.pod.address, code=OK), "1 1")


if __name__ == "__main__":
    unittest.main()

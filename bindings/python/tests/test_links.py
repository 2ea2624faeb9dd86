"""What a handle is in the fleet and whom it is linked with: ids, links, dials, listeners, and what
can change while it is open.
"""

import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import unittest

import pinnate
from pinnate import LinkState, Role
from support import GREET, PATIENCE, Fleet, Seen, folder
from test_package import PACKAGE


def up(link):
    return link.state == LinkState.UP


class Ids(unittest.TestCase):
    def test_a_handle_tells_its_id_given_or_made(self):
        fleet, state = Fleet(self, engines=1), folder(self)
        client = fleet.client(id="asker")
        for handle, id in (fleet.controller, "root"), (fleet.gateway, "gateway"), (fleet.engines[0], "engine-0"), (client, "asker"):
            self.assertEqual(handle.id, id)
            self.assertIn(f"'{id}' open", repr(handle))
        with pinnate.Engine(state) as engine:
            made = engine.id
            self.assertIn(f"'{made}' open", repr(engine))
        self.assertEqual(engine.id, made)  # also when it is closed
        with pinnate.Engine(state) as engine:
            self.assertEqual(engine.id, made)

    def test_an_instance_names_the_life_of_a_slot(self):
        with pinnate.Engine(id="worker-3", instance="17") as engine:
            self.assertEqual(engine.id, "worker-3.17")
        with pinnate.Engine(id="worker-3", ephemeral=True) as engine:
            self.assertRegex(engine.id, r"worker-3\..+")

    def test_an_ephemeral_engine_is_forgotten_when_its_link_ends(self):
        fleet = Fleet(self, engines=0)
        source = "import signal, sys, pinnate\nengine = pinnate.Engine(id=sys.argv[2], ephemeral=len(sys.argv) > 3)\n" \
                 "engine.dial_upstream(sys.argv[1])\nsignal.pause()\n"
        agents = [
            subprocess.Popen([sys.executable, "-c", source, fleet.below, *arguments],
                             env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE)})
            for arguments in (["staying"], ["passing", "ephemeral"])
        ]
        fleet.rollups.until_latest(lambda rollup: rollup.online_engines == 2, "both online")
        for agent in agents:
            agent.kill()
            agent.wait()
        fleet.rollups.until_latest(lambda rollup: (rollup.online_engines, rollup.known_engines) == (0, 1), "one remembered")
        self.assertEqual([engine.id for engine in fleet.controller.engines()], ["staying"])
        with self.assertRaisesRegex(TypeError, "ephemeral must be True or False"):
            pinnate.Engine(ephemeral=1)


class Links(unittest.TestCase):
    def test_links_are_told_at_both_ends_as_they_come_and_go(self):
        fleet, above, below = Fleet(self, engines=0), Seen(), Seen()
        fleet.controller.watch_links(above)
        address = "unix:" + os.path.join(fleet.folder, "later.sock")
        engine = fleet.open(pinnate.Engine, id="leaf", backoff_min=0.05, backoff_max=0.05)
        engine.dial_upstream(address)
        with engine.watch_links(below):
            missing = below.until(lambda link: link.state == LinkState.DOWN, "that nobody listens")
            self.assertEqual((missing.address, missing.id, missing.role), (address, "", None))
            self.assertTrue(missing.why)
            self.assertTrue(0 < missing.next_try <= 0.1, missing)
            listener = fleet.controller.listen(address)
            there = below.until(up, "the link")
            self.assertEqual((there.id, there.role, there.upstream, there.why, there.next_try), ("root", Role.CONTROLLER, True, "", None))
            here = above.until(lambda link: up(link) and link.id == "leaf", "the link, above")
            self.assertEqual((here.role, here.upstream), (Role.ENGINE, False))
            self.assertEqual(str(here.state), "up")
            listener.close()
            engine.close()
        gone = above.until(lambda link: link.state == LinkState.DOWN and link.id == "leaf", "its end, above")
        self.assertIsNone(gone.next_try)

    def test_a_watch_of_links_that_is_closed_hears_no_more_and_a_later_one_hears_how_dials_fare(self):
        fleet = Fleet(self, engines=0)
        client = fleet.client()
        for _ in range(2):
            seen = Seen()
            with client.watch_links(seen) as watch:
                self.assertEqual(seen.until(up, "the link").id, "root")
                self.assertIn("links, open", repr(watch))
            self.assertTrue(watch.closed)

    def test_a_dial_that_is_closed_ends_its_link_and_dials_no_more(self):
        fleet = Fleet(self, engines=0)
        engine, links = fleet.open(pinnate.Engine, id="leaf", backoff_min=0.05, backoff_max=0.05), Seen()
        dial = engine.dial_upstream(fleet.address)
        self.assertEqual(dial.address, fleet.address)
        fleet.rollups.until_latest(lambda rollup: rollup.online_engines == 1, "online")
        engine.watch_links(links)
        links.until(up, "the link")
        dial.close()
        fleet.rollups.until_latest(lambda rollup: rollup.online_engines == 0, "offline")
        self.assertIsNone(links.until_latest(lambda link: link.state == LinkState.DOWN, "its end").next_try)
        dial.close()
        engine.dial_upstream(fleet.address)  # one upstream link at a time: there is none
        fleet.rollups.until_latest(lambda rollup: rollup.online_engines == 1, "online again")
        for ended in fleet.controller.dial("unix:/nowhere"), fleet.gateway.dial_downstream("unix:/nowhere"):
            ended.close()

    def test_a_listener_is_its_address_and_once_closed_takes_no_more_links(self):
        fleet = Fleet(self, engines=0)
        address = "unix:" + os.path.join(fleet.folder, "more.sock")
        listener = fleet.controller.listen(address)
        self.assertEqual((listener, json.loads(json.dumps(listener))), (address, address))
        self.assertIs(type(pickle.loads(pickle.dumps(listener))), str)
        client = fleet.client(listener)
        self.assertEqual(client.status().id, "root")
        listener.close()
        with self.assertRaises(pinnate.UnreachableError):
            fleet.client(listener, connect_timeout=0.2).status()
        self.assertEqual(client.status().id, "root")  # a link that is up stays
        listener.close()
        again = fleet.controller.listen(address)
        fleet.controller.close()
        again.close()

    def test_a_socket_that_listens_already_can_be_handed_over(self):
        fleet = Fleet(self, engines=0)
        with socket.create_server(("127.0.0.1", 0)) as server:
            bound = fleet.controller.listen(f"fd:{server.fileno()}")
            self.assertEqual(bound, f"tcp://127.0.0.1:{server.getsockname()[1]}")
        self.assertEqual(fleet.client(bound).status().id, "root")  # though the program has closed its own


class Reloading(unittest.TestCase):
    def test_labels_heartbeat_and_backoff_change_while_the_handle_is_open(self):
        fleet = Fleet(self, engines=1, labels={0: {"ring": "canary", "zone": "a"}})
        engine = fleet.engines[0]
        fleet.publish("greet", "1.0.0", GREET, selector="ring=stable")
        engine.reload(labels={"ring": "stable"}, heartbeat=0.5, backoff_min=0.05, backoff_max=0.1)
        self.assertEqual(engine.wait_serving("greet", timeout=PATIENCE).version, "1.0.0")
        engine.reload(heartbeat=1)  # leaves the labels as they are
        fleet.rollups.until_latest(lambda rollup: [each.serving for each in rollup.releases] == [1], "serving")
        self.assertEqual([dict(row.labels) for row in fleet.controller.engines()], [{"ring": "stable"}])

    def test_what_cannot_be_is_refused_and_nothing_has_changed(self):
        fleet = Fleet(self, engines=1, labels={0: {"ring": "canary"}})
        for change, kind in (
            ({"labels": {"a b": "c"}, "heartbeat": 1}, pinnate.InvalidError),
            ({"heartbeat": 0.001}, pinnate.InvalidError),
            ({"labels": "a=b"}, TypeError),
        ):
            with self.subTest(change), self.assertRaises(kind):
                fleet.engines[0].reload(**change)
        fleet.engines[0].reload(backoff_min=0.1)
        self.assertEqual(dict(next(fleet.controller.engines()).labels), {"ring": "canary"})

    def test_the_level_of_the_log_changes_and_every_kind_of_handle_can_be_reloaded(self):
        lines = Seen()
        fleet = Fleet(self, engines=1, log=lines, log_level=logging.ERROR)
        self.assertEqual([line for line in lines.items if line[0] < logging.ERROR], [])
        for handle in fleet.controller, fleet.gateway, fleet.engines[0], fleet.client():
            handle.reload(log_level=logging.DEBUG)
        fleet.publish_live("greet", "1.0.0", GREET)
        lines.until(lambda line: line[0] < logging.ERROR, "a line of a lower level")


class Folders(unittest.TestCase):
    def test_opening_waits_for_a_folder_that_another_is_about_to_leave(self):
        for kind in pinnate.Controller, pinnate.Gateway, pinnate.Engine:
            state = folder(self)
            before = kind(state)
            with self.assertRaises(pinnate.InUseError):
                kind(state, folder_wait=0.01)
            threading.Timer(0.1, before.close).start()
            kind(state, folder_wait=PATIENCE).close()


if __name__ == "__main__":
    unittest.main()

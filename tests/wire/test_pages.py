"""Lists come in pages; the program asks for the next one until there is none."""

import json
import socket
import threading
import unittest

import pinnate_wire as wire
from programs import LIMIT, WireTest, end

# The rows of a controller with more engines than one page has.
PAGES = 3


def engine_row(name):
    services = [[1, "fn", "1", wire.LIVE, True, ""]]
    return [wire.ENGINE, name, "gate", True, "linux-x86_64", {}, list(wire.NOWHERE), 0, 0, services, ""]


class PagedController:
    """Answers lookups with pages of two engines, and keeps what it was asked."""

    def __init__(self, folder):
        self.asked = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/paged.sock")
        self._listener.listen()
        self._listener.settimeout(LIMIT)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        connection, _ = self._listener.accept()
        link = wire.Link(connection, LIMIT)
        try:
            link.be_greeted(wire.hello(wire.CONTROLLER, "top", facing=0))
            for page in range(PAGES):
                lookup = link.receive(wire.Lookup)
                self.asked.append(lookup)
                rows = [engine_row(f"engine-{page}{i}") for i in range(2)]
                link.send(wire.Tiers(lookup.id, 0, "", rows, f"page {page + 1}" if page + 1 < PAGES else ""))
            link.read_to_end()
        finally:
            link.close()

    def close(self):
        self._thread.join(LIMIT)
        self._listener.close()


class PagesTest(WireTest):
    def test_engines_asks_page_by_page_with_the_same_question(self):
        controller = PagedController(self.folder)
        self.addCleanup(controller.close)
        lines = self.run_program("engines", "--phase", "live", "--at", "gate", "--name", "fn", "--json", "--to", self.address("paged"))
        self.assertEqual([json.loads(line)["id"] for line in lines.splitlines()],
                         [f"engine-{page}{i}" for page in range(PAGES) for i in range(2)])
        self.assertEqual([lookup.cursor for lookup in controller.asked], ["", "page 1", "page 2"])
        for lookup in controller.asked:
            self.assertEqual((lookup.at, lookup.name, lookup.phase, lookup.gateways), ("gate", "fn", 1 + wire.LIVE, False))

    def test_a_gateway_and_its_engines_are_listed_in_the_pages_that_the_asker_wants(self):
        self.start_controller()
        gateway = self.start_gateway("--up", self.address("top"))
        names = [f"engine-{i}" for i in range(5)]
        links = [self.join("gate", wire.ENGINE, name) for name in names]
        watch = self.watch("top")
        watch.await_status(lambda status: status["online_engines"] == len(links))
        end(watch)
        client = self.join("top", wire.CLIENT, "asker")
        seen, cursor, pages = [], "", 0
        while True:
            client.send(wire.Lookup(pages + 1, "", "", "", 0, False, cursor, 2, 10000))
            tiers = client.receive(wire.Tiers)
            self.assertEqual((tiers.id, tiers.code), (pages + 1, 0))
            self.assertLessEqual(len(tiers.rows), 2)
            seen += [row[1] for row in tiers.rows]
            pages, cursor = pages + 1, tiers.next
            if not cursor:
                break
        self.assertEqual(seen, names)
        self.assertGreaterEqual(pages, 3)
        self.assertIsNone(gateway.process.poll())


if __name__ == "__main__":
    unittest.main()

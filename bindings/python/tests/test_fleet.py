"""The whole path in one process: published at a controller, called on engines behind a gateway."""

import glob
import logging
import os
import threading
import time
import unittest

import pinnate
from pinnate import Phase, Role
from support import GREET, GREET_AGAIN, PATIENCE, Fleet, Seen, callbacks_raise, shared


class WholePath(unittest.TestCase):
    def test_a_published_function_is_live_everywhere_changes_and_is_withdrawn(self):
        fleet = Fleet(self, engines=2)
        first = fleet.publish_live("greet", "1.0.0", GREET)
        self.assertTrue(first.created)
        self.assertGreater(first.durable_time, 0)
        self.assertLess(first.durable_time, PATIENCE)

        engine, client = fleet.engines[0], fleet.client()
        for tier, call in (
            ("controller", fleet.controller.call),
            ("gateway", fleet.gateway.call),
            ("engine, in process", engine.call),
            ("engine, through the tree", engine.call_tree),
            ("client", client.call),
        ):
            with self.subTest(tier):
                self.assertEqual(call("greet", b"world"), b"hello world")
        self.assertEqual(client.call("greet", b"\0\xff", engine="engine-1"), b"hello \0\xff")
        self.assertEqual(engine.call_tree("greet", b"you", engine="engine-1"), b"hello you")

        second = client.publish("greet", "1.1.0", {"any": GREET_AGAIN}, loader="python")
        fleet.rollups.until_latest(lambda rollup: rollup.live(second.release) == 2, "1.1.0 live on both")
        self.assertEqual(engine.call("greet", b"world"), b"hello again world")
        self.assertEqual(fleet.controller.call("greet", b"world"), b"hello again world")

        client.unpublish("greet")
        fleet.until_gone("greet")
        with self.assertRaises(pinnate.NotFoundError):
            engine.call("greet", b"world")

    def test_with_stop_first_the_old_service_is_closed_before_the_new_one_is_created(self):
        seen = shared["lone"] = []
        source = (
            b"import support\nVERSION = '%s'\nclass Lone:\n"
            b"    def call(self, payload):\n        return VERSION.encode()\n"
            b"    def close(self):\n        support.shared['lone'].append('closed ' + VERSION)\n"
            b"def create(config):\n    support.shared['lone'].append('created ' + VERSION)\n    return Lone()\n"
        )
        fleet = Fleet(self, engines=1)
        for version, options in (("1", {}), ("2", {"stop_first": True}), ("3", {})):
            fleet.publish_live("lone", version, source.replace(b"%s", version.encode()), **options)
            self.assertEqual(fleet.engines[0].call("lone", b""), version.encode())
        self.assertEqual(seen[:3], ["created 1", "closed 1", "created 2"])
        self.assertEqual(seen[3], "created 3")

    def test_releases_are_listed_newest_first(self):
        fleet = Fleet(self, engines=0)
        before = time.time()
        first = fleet.publish("greet", "1.0.0", GREET, selector="ring=canary")
        second = fleet.publish("greet", "1.1.0", GREET_AGAIN)
        fleet.publish("other", "1.0.0", GREET)
        newest, oldest = fleet.client().releases("greet")
        self.assertEqual((newest.number, oldest.number), (second.release, first.release))
        self.assertEqual((newest.version, newest.current, newest.ended), ("1.1.0", True, ""))
        self.assertEqual(newest.platforms, ("any",))
        self.assertEqual(newest.artifact_bytes, len(GREET_AGAIN))
        self.assertRegex(newest.manifest, r"^[0-9a-f]{64}$")
        self.assertEqual(oldest.selector, "ring=canary")
        self.assertFalse(oldest.current)
        self.assertIn(str(second.release), oldest.ended)
        self.assertTrue(before - 1 < newest.decided_at < time.time() + 1)
        self.assertEqual(len(fleet.controller.releases()), 3)

    def test_the_same_again_makes_no_release_and_other_bytes_are_a_conflict(self):
        fleet = Fleet(self, engines=0)
        first = fleet.publish("greet", "1.0.0", GREET)
        again = fleet.publish("greet", "1.0.0", GREET)
        self.assertEqual((again.release, again.created), (first.release, False))
        with self.assertRaisesRegex(pinnate.ConflictError, "greet"):
            fleet.publish("greet", "1.0.0", GREET_AGAIN)

    def test_an_artifact_may_be_a_file_and_progress_ends_at_all_of_it(self):
        fleet = Fleet(self, engines=1)
        path = os.path.join(fleet.folder, "greet.py")
        padding = b"#" * 1_000_000
        with open(path, "wb") as file:
            file.write(GREET + padding)
        progress = Seen()
        published = fleet.controller.publish("greet", "1.0.0", path, loader="python", on_progress=progress)
        done, total = progress.until(lambda item: item[0] == item[1], "the end of progress")
        self.assertGreaterEqual(total, len(GREET + padding))
        self.assertEqual([item[0] for item in progress.items], sorted(item[0] for item in progress.items))
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 1, "live")
        self.assertEqual(fleet.engines[0].call("greet", b"file"), b"hello file")

    def test_status_counts_every_engine_once(self):
        fleet = Fleet(self, engines=3, labels={0: {"ring": "canary"}})
        published = fleet.publish_live("greet", "1.0.0", GREET, on=1, selector="ring=canary")
        for tier in (fleet.controller, fleet.gateway, fleet.client()):
            rollup = tier.status("greet")
            self.assertEqual((rollup.known_engines, rollup.online_engines), (3, 3))
            release = rollup.release(published.release)
            self.assertEqual((release.name, release.version, release.current), ("greet", "1.0.0", True))
            self.assertEqual((release.phases[Phase.LIVE], release.phases[Phase.NOT_SELECTED]), (1, 2))
            self.assertEqual(sum(release.phases.values()), 3)
            self.assertEqual(release.serving, 1)
        self.assertEqual(fleet.controller.status().id, "root")
        self.assertEqual(fleet.controller.status().known_gateways, 1)

    def test_engines_are_listed_page_by_page(self):
        fleet = Fleet(self, engines=3, labels={1: {"ring": "canary"}})
        published = fleet.publish_live("greet", "1.0.0", GREET)
        for tier in (fleet.controller, fleet.client()):
            engines = {engine.id: engine for engine in tier.engines(page=1)}
            self.assertEqual(set(engines), {"engine-0", "engine-1", "engine-2"})
            engine = engines["engine-1"]
            self.assertEqual((engine.role, engine.online, engine.path), (Role.ENGINE, True, "gateway"))
            self.assertEqual(engine.platform, pinnate.platform())
            self.assertEqual(engine.labels["ring"], "canary")
            (service,) = engine.services
            self.assertEqual((service.name, service.version), ("greet", "1.0.0"))
            self.assertEqual((service.release, service.phase), (published.release, Phase.LIVE))
            self.assertTrue(service.serving)
        roles = [tier.role for tier in fleet.controller.tiers(page=2)]
        self.assertEqual(roles, [Role.GATEWAY] + [Role.ENGINE] * 3)
        self.assertEqual([tier.id for tier in fleet.gateway.engines(engine="engine-2")], ["engine-2"])
        self.assertEqual(list(fleet.controller.engines(phase=Phase.FAILED)), [])
        self.assertEqual(len(list(fleet.controller.engines(phase=Phase.LIVE, at="gateway", name="greet"))), 3)

    def test_an_engine_tells_of_its_services(self):
        fleet = Fleet(self, engines=1)
        services = Seen()
        fleet.engines[0].watch(services)
        published = fleet.publish_live("greet", "1.0.0", GREET)
        services.until(lambda service: service.phase == Phase.LIVE and service.serving, "the service is live")
        (service,) = fleet.engines[0].services()
        self.assertEqual((service.name, service.release), ("greet", published.release))
        self.assertEqual(service.phase, Phase.LIVE)

    def test_an_engine_can_be_dialled_by_its_gateway(self):
        fleet = Fleet(self, engines=0)
        fleet.publish("greet", "1.0.0", GREET)
        engine = fleet.open(pinnate.Engine, id="listening", loaders=[pinnate.PythonLoader()])
        services = Seen()
        engine.watch(services)
        fleet.gateway.dial_downstream(engine.listen("tcp://127.0.0.1:0"))
        services.until(lambda service: service.phase == Phase.LIVE, "the service is live")
        rollups = Seen()  # the controller hears of it a moment later than the engine knows
        fleet.controller.watch(rollups)
        rollups.until(lambda rollup: any(r.serving for r in rollup.releases), "the controller knows")
        self.assertEqual(fleet.controller.call("greet", b"dialled"), b"hello dialled")

    def test_a_gateway_dials_the_engines_that_its_host_names(self):
        fleet = Fleet(self, engines=0)
        engines = [fleet.open(pinnate.Engine, id=f"named-{n}", loaders=[pinnate.PythonLoader()]) for n in range(3)]
        addresses = [engine.listen("tcp://127.0.0.1:0") for engine in engines]
        fleet.gateway.set_members("consul", addresses)
        fleet.rollups.until_latest(lambda rollup: rollup.online_engines == 3, "all online")
        fleet.gateway.set_members("consul", (address for address in addresses[1:]))
        with self.assertRaisesRegex(pinnate.InvalidError, "'nobody'"):
            fleet.gateway.set_members("consul", ["nobody"])
        with self.assertRaises(TypeError):
            fleet.gateway.set_members("consul", [7])
        self.assertEqual(fleet.controller.status().online_engines, 3)

    def test_a_gateway_looks_for_members_at_sources_and_lists_them(self):
        fleet = Fleet(self, engines=0)
        first, second = (fleet.open(pinnate.Engine, id=f"found-{n}", loaders=[pinnate.PythonLoader()]) for n in (1, 2))
        address = str(first.listen("tcp://127.0.0.1:0"))
        source = fleet.gateway.add_source(f"static:{address}")
        second.dial_upstream(fleet.gateway.listen("tcp://127.0.0.1:0"))
        missing = fleet.gateway.add_source("file:/nowhere/members")
        fleet.rollups.until_latest(
            lambda rollup: rollup.online_engines == 2 and any("is stale" in n for n in rollup.notices), "both online"
        )
        rows = list(fleet.controller.members(at=fleet.gateway.id, page=1))
        states = pinnate.MemberState
        self.assertEqual([row.state for row in rows], [states.STALE_SOURCE, states.SOURCE, states.LINKED, states.LINKED])
        self.assertEqual([(row.id, row.sources) for row in rows[2:]], [("found-1", (source.uri,)), ("found-2", ("registration",))])
        self.assertEqual((rows[0].why, rows[1].named), ("cannot read /nowhere/members: No such file or directory", 1))
        self.assertEqual((rows[2].address, rows[2].path, str(rows[0].state)), (address, fleet.gateway.id, "stale source"))
        counts = fleet.gateway.member_counts()
        self.assertEqual((counts.sources, counts.stale_sources, counts.linked, counts.registered), (2, 1, 1, 1))
        self.assertEqual((counts.dials_total, counts.failed_dials_total, counts.refused_dials_total), (1, 0, 0))
        missing.close()
        missing.close()
        self.assertEqual([row.sources for row in fleet.gateway.members() if not row.address], [(source.uri,)])
        with self.assertRaisesRegex(pinnate.InvalidError, "there is no source 'ldap:'"):
            fleet.gateway.add_source("ldap:x")
        with self.assertRaises(pinnate.ConflictError):
            fleet.gateway.add_source(source.uri)

    def test_a_gateway_can_be_dialled_by_its_controller(self):
        fleet = Fleet(self, engines=0)
        gateway = fleet.open(pinnate.Gateway, id="dialled")
        fleet.controller.dial(gateway.listen("tcp://127.0.0.1:0"))
        fleet.rollups.until_latest(lambda rollup: rollup.online_gateways == 2, "the second gateway")


class Folders(unittest.TestCase):
    def test_a_gateway_says_when_its_cache_limit_is_too_small_and_serves_from_its_folder_without_an_upstream(self):
        fleet = Fleet(self, engines=0)
        cache, below = os.path.join(fleet.folder, "cache"), "unix:" + os.path.join(fleet.folder, "small.sock")
        with pinnate.Gateway(cache_dir=cache, cache_limit=10, id="small") as gateway:
            gateway.dial_upstream(fleet.address)
            with pinnate.Engine(id="first", loaders=[pinnate.PythonLoader()]) as engine:
                engine.dial_upstream(gateway.listen(below))
                fleet.publish_live("greet", "1.0.0", GREET, on=1)
            words = r"the cache limit of 10 bytes is \d+ bytes too small for the current releases"
            rollup = fleet.rollups.until_latest(lambda rollup: rollup.notices, "a notice")
            self.assertRegex(rollup.notices[0], r"'small': " + words)
            (notice,) = gateway.status().notices
            self.assertRegex(notice, words)
        with pinnate.Gateway(cache_dir=cache, id="small") as gateway:
            engine, services = fleet.open(pinnate.Engine, id="second", loaders=[pinnate.PythonLoader()]), Seen()
            engine.watch(services)
            engine.dial_upstream(gateway.listen(below))
            services.until(lambda service: service.serving, "the service of a newcomer")
            self.assertEqual(engine.call("greet", b"cache"), b"hello cache")
            self.assertEqual(gateway.status().notices, ())

    def test_an_engine_that_has_a_folder_serves_again_without_a_link(self):
        fleet = Fleet(self, engines=0)
        state, loader = os.path.join(fleet.folder, "engine"), pinnate.PythonLoader()
        with pinnate.Engine(state_dir=state, id="kept", loaders=[loader]) as engine:
            engine.dial_upstream(fleet.below)
            fleet.publish_live("greet", "1.0.0", GREET, on=1)
        services = Seen()
        with pinnate.Engine(state_dir=state, id="kept", loaders=[loader]) as engine:
            engine.watch(services)
            services.until(lambda service: service.serving, "the service from the folder")
            self.assertEqual(engine.call("greet", b"disk"), b"hello disk")


class Calls(unittest.TestCase):
    def test_a_call_ends_at_its_limit(self):
        gate = shared["gate"] = threading.Event()
        self.addCleanup(gate.set)
        fleet = Fleet(self, engines=1)
        fleet.publish_live(
            "slow",
            "1.0.0",
            b"import support\ndef handle(p):\n    support.shared['gate'].wait(60)\n    return p\n",
        )
        with self.assertRaises(pinnate.TimedOutError):
            fleet.controller.call("slow", b"", timeout=0.2)
        gate.set()
        self.assertEqual(fleet.controller.call("slow", b"now"), b"now")

    def test_calls_of_many_threads_each_get_their_own_answer(self):
        fleet = Fleet(self, engines=2)
        fleet.publish_live("greet", "1.0.0", GREET)
        wrong = []

        def work(number):
            for turn in range(20):
                payload = f"{number}.{turn}".encode()
                for call in (fleet.controller.call, fleet.engines[0].call, fleet.engines[1].call_tree):
                    if call("greet", payload, timeout=PATIENCE) != b"hello " + payload:
                        wrong.append(payload)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_payload_may_be_any_kind_of_bytes_and_empty(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("greet", "1.0.0", GREET)
        for payload in (bytearray(b"you"), memoryview(b"you")):
            self.assertEqual(fleet.controller.call("greet", payload), b"hello you")
        self.assertEqual(fleet.controller.call("greet"), b"hello ")
        self.assertEqual(fleet.engines[0].call("greet"), b"hello ")
        with self.assertRaises(pinnate.TooLargeError):
            fleet.controller.call("greet", b"x" * (1024 * 1024 + 1))


class Callbacks(unittest.TestCase):
    def test_an_exception_in_a_callback_is_reported_and_the_next_one_comes(self):
        with callbacks_raise() as reported:
            fleet = Fleet(self, engines=1)
            seen = Seen()

            def watching(rollup):
                seen(rollup)
                raise RuntimeError("in watch")

            fleet.controller.watch(watching)
            seen.until(lambda rollup: True, "the first roll-up")
            published = fleet.publish("greet", "1.0.0", GREET)
            seen.until(lambda rollup: rollup.live(published) == 1, "live")
            reported.until(lambda error: str(error) == "in watch", "in watch")

    def test_progress_is_told_by_publish_itself_and_what_it_raises_is_raised(self):
        fleet = Fleet(self, engines=0)
        threads = []
        fleet.publish("greet", "1.0.0", GREET, on_progress=lambda done, total: threads.append(threading.get_ident()))
        self.assertEqual(set(threads), {threading.get_ident()})
        with self.assertRaises(ZeroDivisionError):
            fleet.publish("greet", "1.1.0", GREET_AGAIN, on_progress=lambda done, total: 1 / 0)

    def test_a_callback_may_wait_for_pinnate_and_close_its_handle(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("greet", "1.0.0", GREET)
        outcomes = Seen()

        def watching(rollup):
            outcomes(fleet.controller.status().id)
            outcomes(fleet.controller.call("greet", b"callback"))
            outcomes(fleet.engines[0].call("greet", b"in process"))
            outcomes(fleet.engines[0].close())

        with fleet.controller.watch(watching):
            outcomes.until(lambda outcome: outcome is None, "the end of close()")
        self.assertEqual(outcomes.items[:3], ["root", b"hello callback", b"hello in process"])

    def test_a_clients_watch_hears_why_no_rollup_comes(self):
        fleet = Fleet(self, engines=0)
        rollups, errors = Seen(), Seen()
        client = fleet.client(backoff_min=0.05)
        client.watch(rollups, errors)
        rollups.until(lambda rollup: rollup.id == "root", "the controller's roll-up")
        client.close()
        errors.until(lambda error: isinstance(error, pinnate.PinnateError), "that the client closed")

    def test_logs_go_to_a_logger_or_a_callable(self):
        lines = Seen()
        logger = logging.getLogger("test.pinnate")
        with self.assertLogs(logger, logging.DEBUG) as logged:
            fleet = Fleet(self, engines=0, log=logger)
            gateway = fleet.open(pinnate.Gateway, id="logging", log=lines)
            gateway.dial_upstream(fleet.address)
            fleet.rollups.until_latest(lambda rollup: rollup.online_gateways == 2, "the second gateway")
            gateway.close()
            fleet.controller.close()
        self.assertTrue(logged.records)
        self.assertTrue(lines.items)
        for level, message in lines.items:
            self.assertIn(level, (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR))
            self.assertNotIn("\n", message)

    def test_log_level_keeps_lower_lines_away(self):
        lines = Seen()
        fleet = Fleet(self, engines=0, log=lines, log_level=logging.ERROR)
        fleet.controller.close()
        self.assertEqual([line for line in lines.items if line[0] < logging.ERROR], [])

    def test_an_exception_in_a_log_callback_is_reported(self):
        def log(level, message):
            raise RuntimeError("in log")

        with callbacks_raise() as reported:
            fleet = Fleet(self, engines=1, log=log)
            fleet.publish_live("greet", "1.0.0", GREET)
            reported.until(lambda error: str(error) == "in log", "the exception")


class NativeModules(unittest.TestCase):
    def test_a_shared_object_is_served_beside_python_source(self):
        built = os.environ["PINNATE_MODULES"]
        modules = sorted(glob.glob(os.path.join(built, "**", "*anomaly*.so"), recursive=True))
        self.assertTrue(modules, f"PINNATE_MODULES={built} holds no anomaly*.so")
        fleet = Fleet(self, engines=2)
        published = fleet.controller.publish("anomaly", "1.0.0", {pinnate.platform(): modules[0]})
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 2, "anomaly live on both")
        fleet.publish_live("greet", "1.0.0", GREET)
        try:
            answer = fleet.engines[0].call("anomaly", b"20.5\n").decode()
        except pinnate.FailedError as error:
            answer = str(error)  # should it want its readings otherwise, it says how
        self.assertTrue(answer)
        self.assertEqual(fleet.engines[0].call("greet", b"you"), b"hello you")


if __name__ == "__main__":
    unittest.main()

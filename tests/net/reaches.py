"""What members by DNS and many links reach, measured. tests/net/report.sh runs it; NAME is that of a function in REACHES.

    reaches.py [--quick] [NAME...]    the last lines are `reach NAME VALUE LIMIT ok|short`; exits with 1 when one is short

Time itself is under test in all of this, and so is memory: waits until a moment are part of what is measured.
"""

import collections
import inspect
import os
import pathlib
import random
import re
import resource
import selectors
import signal
import statistics
import subprocess
import sys
import threading
import time
import unittest

from net import BIN, DOMAIN, HERE, PINNATE, PORT, REPOSITORY, NetTest, Process, dialled, environment, listens_at, module, run

POLL_MS = 1100  # from look to look: a second, and up to a tenth by chance
KIB, MIB = 1 << 10, 1 << 20


class Stage(NetTest):
    """The hosts of the tests, and what holds for as long as one reach is measured."""

    heartbeat = "5s"

    def runTest(self):
        """For unittest, which wants a test's name."""

    def __enter__(self):
        self.setUp()
        return self

    def __exit__(self, *_):
        self.doCleanups()
        Stage.doClassCleanups()
        Stage._network = None

    def many_engines(self, prefix, *words, host=None):
        """Processes of many_engines.c, which is built once."""
        program = pathlib.Path(self.folder) / "many_engines"
        if not program.exists():
            run(os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-I", REPOSITORY / "include", HERE.with_name("many_engines.c"),
                "-o", program, "-L", BIN.parent / "lib", "-lpinnate", f"-Wl,-rpath,{BIN.parent / 'lib'}")
        process = Process(*(host or self.nodes).prefix, program, prefix, *words)
        self.addCleanup(process.close)
        return process

    def artifact(self, size_bytes, seed=1):
        path = self.folder / f"artifact-{size_bytes}-{seed}"
        path.write_bytes(random.Random(seed).randbytes(size_bytes))
        return path


def raise_file_limit(wanted):
    """Of this process and those that it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, wanted), max(hard, wanted)))  # ValueError: only who may exceed it can


def until(moment):
    """Time itself is under test."""
    while (left := moment - time.monotonic()) > 0:
        threading.Event().wait(left)


def pss_bytes(tier):
    text = pathlib.Path("/proc", str(tier.program.process.pid), "smaps_rollup").read_text()
    return int(re.search(r"^Pss: +(\d+) kB$", text, flags=re.M)[1]) * KIB


def settled_pss_bytes(tier):
    """Once it is the same for a while: what was needed for a moment is given back by then."""
    values = collections.deque(maxlen=4)
    began = time.monotonic()
    while len(values) < 4 or max(values) - min(values) > 256 * KIB:
        if time.monotonic() - began > 120:
            raise AssertionError(f"the memory of {tier.program} does not settle: {list(values)}")
        until(time.monotonic() + 1)
        values.append(pss_bytes(tier))
    return statistics.median(values)


def tcp_memory_bytes():
    """The kernel's, of all sockets of TCP on this machine."""
    return int(re.search(r"^TCP:.* mem (\d+)$", pathlib.Path("/proc/net/sockstat").read_text(), flags=re.M)[1]) * resource.getpagesize()


class Report:
    """What was reached, and beside it what it took."""

    def __init__(self):
        self.short = False
        self.lines = []

    def say(self, text):
        print(text, flush=True)

    def reach(self, name, value, limit):
        word = "ok" if value <= limit else "short"
        self.short = self.short or word == "short"
        value = f"{value:.1f}" if isinstance(value, float) else value
        self.lines.append(f"reach {name} {value} {limit} {word}")
        self.say(self.lines[-1])


# ---- many processes, few threads -----------------------------------------------------------------


class Engine:
    """An engine process of its own."""

    def __init__(self, name, ip, ours, process):
        self.name, self.ip, self.ours, self.process = name, ip, ours, process
        self.began = time.monotonic()
        self.release = 0  # the newest of which it said that it is live
        self.live_at = {}  # release: when it said so
        self.said = collections.deque(maxlen=40)
        self.at = {}  # when it said a line first
        self.given = 0  # how many lines it said of services
        self.missing_since = None

    def take(self, line):
        now = time.monotonic()
        self.said.append(line)
        self.at.setdefault(line, now)
        if service := re.match(r"service \S+ release (\d+): (\w+)", line):
            self.given += 1
            if service[2] == "live":
                self.release = max(self.release, int(service[1]))
                self.live_at.setdefault(int(service[1]), now)


class Engines:
    """Engine processes by the hundred. One thread reads what they say."""

    def __init__(self, stage):
        self.stage = stage
        self.all = []
        self._news = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        stage.addCleanup(self.close)

    def start(self, name, *arguments, ip=None, ours=True, prefix=None):
        words = [*(prefix or self.stage.nodes.prefix), PINNATE, "engine", "--id", name, "--log-level", "warning", *arguments]
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=environment())
        engine = Engine(name, ip, ours, process)
        os.set_blocking(process.stdout.fileno(), False)
        self.all.append(engine)
        self._selector.register(process.stdout, selectors.EVENT_READ, (engine, bytearray()))
        return engine

    def listen(self, name, ip, fleet=None):
        more = ["--fleet", fleet] if fleet else []
        engine = self.start(name, "--listen", listens_at(ip), *more, ip=ip, ours=not fleet)
        self.wait(lambda: "engine is running" in engine.at, f"{name} does not run: {list(engine.said)}")
        return engine

    def wait(self, wanted, why, timeout=60):
        with self._news:
            if not self._news.wait_for(wanted, timeout):
                raise AssertionError(why() if callable(why) else why)

    def _read(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                engine, left = key.data
                data = os.read(key.fd, 65536)
                if not data:
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                *lines, rest = (bytes(left) + data).split(b"\n")
                left[:] = rest
                with self._news:
                    for line in lines:
                        engine.take(line.decode("utf-8", "replace"))
                    self._news.notify_all()

    def end(self, engine, number):
        engine.process.send_signal(number)
        engine.process.wait()
        self.all.remove(engine)

    def close(self):
        os.write(self._woken, b".")
        self._thread.join()
        for engine in self.all:
            engine.process.kill()
        for engine in self.all:
            engine.process.wait()
            engine.process.stdout.close()
        self._selector.close()
        for end in (self._wake, self._woken):
            os.close(end)


# ---- reaches -------------------------------------------------------------------------------------


def churn(report, quick):
    """30 % of all engines are replaced every minute, found by DNS polled each second, with a publish every 20 s. Addresses are reused on
    purpose, some by engines of another fleet which keep the name for a while. No engine alive for 5 s lacks the current release, but for
    the second after a publish; no stranger is given one; counts are right at the end of every minute."""
    count, minute, rounds, publish_every = (40, 24, 1, 6) if quick else (200, 60, 10, 20)
    chance = random.Random(1)
    with Stage() as stage:
        fleet = Engines(stage)
        ours, strangers, free = [], [], collections.deque(stage.addresses(*range(1, count + count // 6 + 1)))
        numbers = iter(range(1, 1 << 30))
        release = published = killed = lacking = strangers_given = wrong_counts = 0
        worst = 0.0
        named = set()

        def name():
            stage.names.says(engines=sorted(named))

        def born(ip):
            ours.append(fleet.listen(f"e{next(numbers)}", ip))
            named.add(ip)

        def publish():
            nonlocal release, published
            stage.publish(f"fn@{release + 1}", module(f"counter-{release % 2 + 1}"), wait=False)
            release, published = release + 1, time.monotonic()

        def check():
            """Who lacks the current release now, as each tells itself."""
            nonlocal lacking, strangers_given, worst
            now = time.monotonic()
            for engine in ours:
                lacks = engine.release != release and now - published > 1 and now - engine.began > 5
                if not lacks:
                    engine.missing_since = None
                elif engine.missing_since is None:
                    engine.missing_since = max(published + 1, engine.began + 5)
                    lacking += 1
                    report.say(f"  {engine.name} at {engine.ip}, {now - engine.began:.1f} s old, has release {engine.release} of "
                               f"{release}, which is {now - published:.1f} s old; {stage.member(engine.ip)}")
                if engine.missing_since is not None:
                    worst = max(worst, now - engine.missing_since)
            strangers_given += sum(engine.given > 0 for engine in strangers)

        def end_stranger(engine):
            strangers.remove(engine)
            fleet.end(engine, signal.SIGKILL)
            named.discard(engine.ip)
            free.append(engine.ip)

        def replace(step):
            nonlocal killed
            gone = chance.choice([engine for engine in ours if engine.release])  # one that was never found would be in no count
            number = chance.choice((signal.SIGTERM, signal.SIGKILL))
            killed += number == signal.SIGKILL
            ours.remove(gone)
            fleet.end(gone, number)
            named.discard(gone.ip)
            if step % 6 == 0:  # a stranger has the address next, and its name for a while
                named.add(gone.ip)
                name()
                strangers.append(fleet.listen(f"s{next(numbers)}", gone.ip, fleet="theirs"))
                born(free.popleft())
            elif step % 3 == 0:  # the next one is there so soon that the name never goes
                born(gone.ip)
            else:
                name()
                free.append(gone.ip)
                born(free.pop() if step % 3 == 1 else free.popleft())  # one that was just left, or that was left long ago
            if len(strangers) > count // 20:
                end_stranger(strangers[0])
            name()

        stage.names.start()
        for _ in range(count):
            born(free.popleft())
        name()
        stage.small_cluster(f"dns:engines.{DOMAIN}?server={stage.names.host.ip}")
        publish()
        stage.await_live("fn", count, timeout=60)
        began = time.monotonic()
        steps = 0
        for minute_number in range(rounds):
            start = began + minute_number * minute
            replaced = round(count * 0.3)
            moments = [(start + minute * 0.9 * i / replaced, "replace") for i in range(replaced)]
            moments += [(start + i * publish_every, "publish") for i in range(minute // publish_every) if i or minute_number]
            moments += [(start + minute * i / (5 * minute), "check") for i in range(1, 5 * minute)]
            for moment, what in sorted(moments):
                until(moment)
                if what == "check":
                    check()
                elif what == "publish":
                    publish()
                else:
                    replace(steps)
                    steps += 1
            until(start + minute)
            check()
            status = stage.status()
            counted, truth = (status["known_engines"], status["online_engines"]), (len(ours) + killed, len(ours))
            if counted != truth:
                wrong_counts += 1
                report.say(f"  known and online are {counted}, should be {truth}")
        report.say(f"  {count} engines, {steps} replaced in {rounds} rounds of {minute} s, {release} releases; the worst lacked one for "
                   f"{worst:.1f} s too long; gateway {pss_bytes(stage.pod) / MIB:.1f} MiB")
        report.reach("churn_engines_without_release", lacking, 0)
        report.reach("churn_strangers_given", strangers_given, 0)
        report.reach("churn_wrong_counts", wrong_counts, 0)


def birth(report, quick):
    """From the start of an engine's process until it is fully live: by registration at most 150 ms more than a process needs that has no
    upstream; found by DNS at most a poll more than that."""
    rounds = 5 if quick else 30
    with Stage() as stage:
        fleet = Engines(stage)
        stage.names.says(engines=[])
        stage.names.start(stage.names.EMPTY)
        stage.top = stage.controller()
        at = listens_at(stage.gate.ip)
        stage.pod = stage.pod_gateway(f"dns:engines.{DOMAIN}?server={stage.names.host.ip}", more=["--listen", at])
        stage.publish("fn@1", module("counter-1"), wait=False)
        starts, runs, registered, found, named = [], [], [], [], []

        def running_ms(engine):
            fleet.wait(lambda: "engine is running" in engine.at, f"{engine.name} does not run: {list(engine.said)}")
            return (engine.at["engine is running"] - engine.began) * 1000

        def live_ms(engine):
            """From when it ran: how long a process takes to come so far is the machine's, and is asked of others."""
            fleet.wait(lambda: engine.release == 1, f"{engine.name} is not live: {list(engine.said)}")
            return (engine.live_at[1] - engine.at["engine is running"]) * 1000

        for n in range(rounds):
            alone = fleet.listen(f"alone{n}", stage.nodes.address(1000 + n))
            starts.append(running_ms(alone))
            fleet.end(alone, signal.SIGKILL)
            new = fleet.start(f"r{n}", "--up", dialled(stage.gate.ip))
            runs.append(running_ms(new))
            registered.append(live_ms(new))
            new = fleet.listen(f"d{n}", stage.nodes.address(n + 1))
            named.append(new.ip)
            stage.names.says(engines=named)
            found.append(live_ms(new))
        later = max(0.0, statistics.median(runs) - statistics.median(starts))
        report.say(f"  a process runs after {statistics.median(starts):.0f} ms (median of {rounds}; worst {max(starts):.0f}), with an upstream "
                   f"after {statistics.median(runs):.0f} (worst {max(runs):.0f})")
        report.say(f"  from then on it takes {statistics.median(registered):.0f} ms (worst {max(registered):.0f}) until it is live when it "
                   f"registers, {statistics.median(found):.0f} (worst {max(found):.0f}) when it is found by DNS")
        report.reach("birth_registered_ms", later + max(registered), 150)
        report.reach("birth_dns_ms", max(found), POLL_MS + 150)


def dns_away(report, quick):
    """No name server for five minutes, calls all the while; then it is back, and half of the addresses are others."""
    engines, away_s, again = (6, 8, 2) if quick else (20, 300, 10)
    chance = random.Random(1)
    sys.path.append(str(REPOSITORY / "bindings/python"))
    os.environ.setdefault("PINNATE_LIBRARY", str(BIN.parent / "lib/libpinnate.so"))
    import pinnate
    with Stage() as stage:
        fleet = Engines(stage)
        old = [fleet.listen(f"e{n}", stage.nodes.address(n)) for n in range(1, engines + 1)]
        stage.names.says(engines=[engine.ip for engine in old])
        stage.names.start()
        stage.small_cluster(f"dns:engines.{DOMAIN}?server={stage.names.host.ip}")
        stage.publish("fn@1", module("counter-1"), wait=False)
        stage.await_live("fn", engines)
        calls, failed, over = 0, [], threading.Event()

        def call():
            nonlocal calls
            with pinnate.Client(stage.pod.address) as client:
                while not over.is_set():
                    try:
                        client.call("fn", b"", engine=old[calls % engines].name, timeout=10)
                    except pinnate.Error as why:
                        failed.append(str(why))
                    calls += 1
                    over.wait(0.005)  # all the time, and not all of the machine

        caller = threading.Thread(target=call)
        caller.start()
        try:
            stage.names.kill()
            gone = time.monotonic()
            notice = stage.await_notice("is stale since")["notices"]
            published = 1
            while (left := gone + away_s - time.monotonic()) > 0:
                until(time.monotonic() + min(left, 10))
                published += 1
                stage.publish(f"fn@{published}", module(f"counter-{published % 2 + 1}"), wait=False)
                stage.await_live("fn", engines, version=str(published))
            named, followed, added = old, [], 0
            for time_again in range(1 + again):
                if time_again > 0:  # away for a moment, at another moment of a look each time
                    stage.names.kill()
                    until(time.monotonic() + 1 + 4 * chance.random())
                half = engines // 2 if time_again == 0 else 1
                new = [fleet.listen(f"n{time_again}-{n}", stage.nodes.address(100 + added + n)) for n in range(half)]
                named, added = named[half:] + new, added + half
                stage.names.says(engines=[engine.ip for engine in named])
                stage.names.start()
                back = time.monotonic()
                fleet.wait(lambda new=new: all(engine.release == published for engine in new), lambda: f"not all live: {stage.status()}")
                followed.append((max(engine.live_at[published] for engine in new) - back) * 1000)
            stage.await_status(lambda s: not s["notices"])
            status = stage.status()
        finally:
            over.set()
            caller.join()
        lost = len(stage.links_ended()) + (engines + added - status["online_engines"])
        report.say(f"  {calls} calls in {away_s} s and {published} releases without a name server; {notice[0][:200]}")
        report.say(f"  back {1 + again} times: followed after {', '.join(f'{ms:.0f}' for ms in followed)} ms")
        for why in failed[:5]:
            report.say(f"  {why}")
        report.reach("dns_away_failed_calls", len(failed), 0)
        report.reach("dns_away_lost_links", lost, 0)
        report.reach("dns_back_ms", max(followed), POLL_MS + 150)


def many_addresses(report, quick):
    """Three names of about 1,700 addresses, of which one in five lives: of the dead half refuse, and half are silent."""
    names, living, processes = ((300, 300, 300), 180, 2) if quick else ((1667, 1667, 1666), 1000, 4)
    chance = random.Random(1)
    with Stage() as stage:
        addresses = stage.addresses(*range(1, sum(names) + 1))
        shuffled = chance.sample(addresses, len(addresses))
        alive, silent = shuffled[:living], shuffled[living:living + (len(addresses) - living) // 2]
        stage.nodes.silence(*silent)
        taken = iter(chance.sample(addresses, len(addresses)))
        words = [f"part{n}" for n in range(len(names))]
        for word, size in zip(words, names):
            stage.names.names[word] = [next(taken) for _ in range(size)]
        stage.names.start()
        engines = []
        for n in range(processes):
            file = stage.folder / f"addresses{n}"
            file.write_text("".join(listens_at(ip) + "\n" for ip in alive[n::processes]))
            engines.append(stage.many_engines(f"p{n}-", "listen", file))
        for process in engines:
            process.await_line("ready ", timeout=120)
        stage.top = stage.controller()
        stage.publish("fn@1", stage.artifact(4096), "--loader", "bytes", wait=False)
        began = time.monotonic()
        stage.pod = stage.pod_gateway(*(f"dns:{word}.{DOMAIN}?server={stage.names.host.ip}" for word in words))
        most = memory = 0
        before = set()
        live_s = None
        # Samples of what the kernel says, until all is live and for as long again as retries may take.
        over = began + (25 if quick else 75)
        while time.monotonic() < over:
            # Those of two samples were there all the time between them.
            dialled_now = stage.gate.sockets("syn-sent", f"dport = :{PORT}")
            most, before = max(most, len(dialled_now & before)), dialled_now
            memory = max(memory, pss_bytes(stage.pod))
            if live_s is None and all(process.said("live fn@1 ") for process in engines):
                live_s = time.monotonic() - began
                over = min(over, time.monotonic() + (3 if quick else 30))
        status = stage.status()
        report.say(f"  {status['online_engines']} engines online of {len(addresses)} addresses, {len(silent)} silent")
        report.reach("addresses_live_s", live_s if live_s is not None else 1e9, 15)
        report.reach("addresses_living_not_linked", living - status["online_engines"], 0)
        report.reach("addresses_dials_at_once", most, 256)
        report.reach("addresses_gateway_mib", memory / MIB, 64)


def many_links(report, quick):
    """10,000 engines dial one gateway: its own memory for each link while it is idle, and after a release."""
    count, processes = (1000, 2) if quick else (10000, 4)
    with Stage() as stage:
        stage.top = stage.controller()
        stage.pod = stage.pod_gateway(more=["--listen", listens_at(stage.gate.ip)])
        before, kernel_before = settled_pss_bytes(stage.pod), tcp_memory_bytes()
        began = time.monotonic()
        engines = [stage.many_engines(f"p{n}-", "dial", count // processes, dialled(stage.gate.ip)) for n in range(processes)]
        stage.await_status(lambda s: s["online_engines"] == count, timeout=300)
        linked_s = time.monotonic() - began
        idle, kernel = settled_pss_bytes(stage.pod), tcp_memory_bytes()
        began = time.monotonic()
        stage.publish("fn@1", stage.artifact(4096), "--loader", "bytes", wait=False)
        for process in engines:
            process.await_line("live fn@1 ", timeout=300)
        live_s = time.monotonic() - began
        stage.await_live("fn", count, timeout=60)
        counted_s = time.monotonic() - began
        after, kernel_after = settled_pss_bytes(stage.pod), tcp_memory_bytes()
        text = pathlib.Path("/proc", str(stage.pod.program.process.pid), "status").read_text()
        peak = int(re.search(r"^VmHWM:\s+(\d+) kB", text, flags=re.M)[1]) * KIB
        report.say(f"  {count} engines linked within {linked_s:.1f} s; a release of 4 KiB live on all after {live_s:.2f} s, and counted so "
                   f"at the controller after {counted_s:.2f} s")
        report.say(f"  gateway {before / MIB:.1f} MiB before, {idle / MIB:.1f} idle, {after / MIB:.1f} after the release, "
                   f"{peak / MIB:.1f} at most")
        report.say(f"  sockets of the kernel take {(kernel - kernel_before) / count:.0f} bytes of buffers for each link while it is idle, "
                   f"{(kernel_after - kernel_before) / count:.0f} after the release")
        report.reach("links_idle_bytes", round((idle - before) / count), 4 * KIB)
        report.reach("links_after_release_bytes", round((after - before) / count), 6 * KIB)


REACHES = {"churn": churn, "birth": birth, "dns-away": dns_away, "many-addresses": many_addresses, "many-links": many_links}


def main(arguments):
    quick = "--quick" in arguments
    names = [word for word in arguments if word != "--quick"] or list(REACHES)
    for name in names:
        if name not in REACHES:
            print(f"there is no reach '{name}'; there are: {', '.join(REACHES)}", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that nothing is left behind
    raise_file_limit(12000)  # each of 10,000 links is a descriptor at either end
    report = Report()
    for name in names:
        began = time.monotonic()
        report.say(f"{name}: tests/net/report.sh {'--quick ' if quick else ''}{name}")
        report.say(f"  {' '.join(inspect.getdoc(REACHES[name]).split())}")
        try:
            REACHES[name](report, quick)
        except unittest.SkipTest as why:
            report.say(str(why))
            return 77
        report.say(f"  took {time.monotonic() - began:.0f} s")
    report.say("")
    for line in report.lines:
        report.say(line)
    return 1 if report.short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

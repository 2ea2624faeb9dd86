"""Calls from Python: of a Python function by `await` beside asyncio.to_thread(engine.call)'s, and
engine.call beside a plain ctypes call of the same native function.

    python_calls.py MODULE [--base PACKAGE LIBRARY]     needs PYTHONPATH=bindings/python and PINNATE_LIBRARY

MODULE is a shared object that answers at once. Its calls by `await` are measured as what answers at
once, beside to_thread(engine.call), and printed, too, as what might not: beside
to_thread(engine.call_tree), which goes the way that `await` goes then. `--base` names the package and
the library whose to_thread is the measure, such as those of an older state; default: these. Both
take turns in one run, and the median of the rounds' ratios counts, since what a machine does
besides changes both. Prints lines of `reach NAME VALUE LIMIT ok|short`.
"""
import argparse
import asyncio
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

AT_ONCE = 100
ROUNDS = 5
AWAIT_TIMES = 3
ABOVE_CTYPES_US = 5


async def rate(call, calls):
    """Calls a second, so many at once."""
    async def some():
        for _ in range(calls // AT_ONCE):
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return calls / (time.perf_counter() - began)


def p50_us(call, calls):
    times = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 1e3


def plain_call(engine):
    """pinnate_engine_call_wait by ctypes and nothing besides."""
    from pinnate import _abi, _library

    library = ctypes.CDLL(os.environ["PINNATE_LIBRARY"])
    function, free = library.pinnate_engine_call_wait, library.pinnate_result_free
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    free.argtypes = [ctypes.c_void_p]
    order = _abi.Call(size=ctypes.sizeof(_abi.Call), name=b"measured", timeout_ms=10000)
    result, size = ctypes.c_void_p(), ctypes.c_size_t()
    arguments = engine._pointer, ctypes.addressof(order), ctypes.addressof(result), ctypes.addressof(size)

    def call():
        if function(*arguments):
            raise SystemExit("the plain call failed")
        free(result)

    call.keeps = order, result, size
    return call


def measure(module, calls):
    """Answers each line of its input, a way to call, with a figure."""
    import pinnate

    with tempfile.TemporaryDirectory() as folder, pinnate.Controller(os.path.join(folder, "state")) as controller, \
            pinnate.Engine(id="one", loaders=[pinnate.PythonLoader()]) as engine:
        engine.dial_upstream(controller.listen(f"unix:{folder}/c.sock"))
        controller.publish("measured", "1.0.0", module)
        controller.publish("python", "1.0.0", b"def handle(payload):\n    return payload\n", loader="python")
        deadline = time.monotonic() + 60
        while sum(service.serving for service in engine.services()) < 2:  # what every state of the package has
            if time.monotonic() > deadline:
                raise SystemExit("the modules did not go live")
        ways = {
            "await": lambda: asyncio.run(rate(lambda: engine.acall("python"), calls)),
            "to_thread": lambda: asyncio.run(rate(lambda: asyncio.to_thread(engine.call, "python"), calls)),
            "await-native": lambda: asyncio.run(rate(lambda: engine.acall("measured"), calls)),
            "await-at-once": lambda: asyncio.run(rate(lambda: engine.acall("measured", at_once=True), calls)),
            "to_thread-native": lambda: asyncio.run(rate(lambda: asyncio.to_thread(engine.call, "measured"), calls)),
            "to_thread-tree": lambda: asyncio.run(rate(lambda: asyncio.to_thread(engine.call_tree, "measured"), calls)),
            "call": lambda: p50_us(lambda: engine.call("measured"), calls),
            "plain": lambda: p50_us(plain_call(engine), calls),
        }
        for line in sys.stdin:
            print(json.dumps(ways[line.strip()]()), flush=True)


def started(given, **environment):
    return subprocess.Popen([sys.executable, __file__, "--measure", "--calls", str(given.calls), given.module], env={**os.environ, **environment}, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ask(process, way):
    process.stdin.write(way + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--base", nargs=2, metavar=("PACKAGE", "LIBRARY"))
    parser.add_argument("--calls", type=int, default=4000, help="in each round")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        return measure(given.module, given.calls)
    now = started(given)
    base = started(given, PYTHONPATH=given.base[0], PINNATE_LIBRARY=given.base[1]) if given.base else now
    times, at_once_times, above = [], [], []
    for process in {now, base}:
        ask(process, "to_thread")  # warms up
    for _ in range(ROUNDS):
        to_thread, awaited = ask(base, "to_thread"), ask(now, "await")
        plain, called = ask(now, "plain"), ask(now, "call")
        print(f"to_thread {to_thread:.0f}/s, await {awaited:.0f}/s; plain ctypes {plain:.2f} us, engine.call {called:.2f} us", flush=True)
        native, at_once = ask(now, "await-native"), ask(now, "await-at-once")
        in_process, tree = ask(base, "to_thread-native"), ask(base, "to_thread-tree")
        print(f"  native: await {native:.0f}/s, at once {at_once:.0f}/s, to_thread(call) {in_process:.0f}/s, to_thread(call_tree) {tree:.0f}/s", flush=True)
        times.append(awaited / to_thread)
        at_once_times.append(at_once / in_process)
        above.append(called - plain)
    for process in {now, base}:
        process.stdin.close()
        process.wait()
    times, at_once_times, above = map(statistics.median, (times, at_once_times, above))
    print(f"reach python_await_times_to_thread {times:.2f} {AWAIT_TIMES} {'ok' if times >= AWAIT_TIMES else 'short'}")
    print(f"reach python_await_at_once_times_to_thread {at_once_times:.2f} {AWAIT_TIMES} {'ok' if at_once_times >= AWAIT_TIMES else 'short'}")
    print(f"reach python_call_above_ctypes_us {above:.2f} {ABOVE_CTYPES_US} {'ok' if above <= ABOVE_CTYPES_US else 'short'}")
    return 0 if min(times, at_once_times) >= AWAIT_TIMES and above <= ABOVE_CTYPES_US else 1


if __name__ == "__main__":
    sys.exit(main())

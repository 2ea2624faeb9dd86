"""Tables of medians from the lines that compare.sh gathered, and how the figures stand to the limits of the issues.
Usage: report.py FILE. Exits with 1 when a limit is not kept, or was not measured."""
import collections
import json
import statistics
import sys

MIB = 1 << 20
RAWTREE_TIMES = 3  # 1000 x 64 KiB, GATEWAYS, TCP
REACH_CASE = (1000, 65536)
GATEWAYS = 4  # between the peers' root and receivers, and ours where nothing else is said
IDLE_LIMIT = 8 * MIB
LIBRARY_LIMIT = MIB * 3 // 2


def fanout_name(line):
    if "peer" in line:
        return line["peer"]
    return f"pinnate {line['last_hop']}" + ("" if line["gateways"] == GATEWAYS else f" ({line['gateways']})")


def fanout_table(lines):
    """{(receivers, bytes): {name: median seconds}}"""
    runs = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in lines:
        if line.get("bad"):
            print(f"left out: {line['peer']} delivered wrong bytes to {line['bad']} receivers")
            continue
        seconds = line["seconds"] if "peer" in line else line["undurable_to_last_verified"]
        runs[line["receivers"], line["bytes"]][fanout_name(line)].append((seconds, line))
    print("One module to all receivers, until the last has verified it, in milliseconds: medians. Ours count from the publish call, with\n"
          "hashing at the controller and SHA-256 at every hop; only `durable`, the time until it is on the controller's disk, is taken out\n"
          "and shown apart. The peers write nothing to disk, and verify at the receivers. In brackets: gateways, where they are not 4.\n")
    print(f"{'receivers':>9} {'bytes':>10} {'':14} {'ms':>9} {'least':>9} {'most':>9} {'x rawtree':>9} {'durable':>8} {'prepare':>8} {'live':>9}")
    medians = {}
    for (receivers, size), names in runs.items():
        found = medians[receivers, size] = {name: statistics.median(s for s, _ in of) for name, of in names.items()}
        for name, of in names.items():
            seconds = [s * 1e3 for s, _ in of]
            ratio = f"{found[name] / found['rawtree']:9.2f}" if "rawtree" in found else f"{'':9}"
            row = f"{receivers:9} {size:10} {name:14} {found[name] * 1e3:9.1f} {min(seconds):9.1f} {max(seconds):9.1f} {ratio}"
            if "bench" in of[0][1]:
                durable, prepare, live = (statistics.median(line[member] for _, line in of) * 1e3
                                          for member in ("durable", "prepare", "call_to_last_live"))
                row += f" {durable:8.1f} {prepare:8.2f} {live:9.1f}"
            print(row)
    print()
    return medians


def calls_name(line):
    if "peer" in line:
        return line["peer"]
    return "pinnate " + ("in process" if line["hops"] == 0 else f"{line['link']}{'3' if line['hops'] == 3 else ''}")


BARE = {"pinnate tcp": "tcp", "pinnate tcp3": "tcp3", "pinnate unix": "unix", "pinnate unix3": "unix3"}


def calls_table(lines):
    runs = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in lines:
        runs[line["outstanding"], line["payload"]][calls_name(line)].append((line["calls_per_s"], line["p50_us"], line["p99_us"]))
    print("Calls: medians, and beside ours the ratio to bare sockets over the same hops.\n")
    print(f"{'outstanding':>11} {'payload':>7} {'':18} {'calls/s':>10} {'':>6} {'p50 us':>9} {'':>6} {'p99 us':>9}")
    for (outstanding, payload), names in runs.items():
        medians = {name: [statistics.median(column) for column in zip(*of)] for name, of in names.items()}
        for name, (rate, p50, p99) in medians.items():
            bare = medians.get(BARE.get(name, ""))
            ratios = [f"x{rate / bare[0]:.2f}", f"x{p50 / bare[1]:.2f}"] if bare else ["", ""]
            print(f"{outstanding:11} {payload:7} {name:18} {rate:10.0f} {ratios[0]:>6} {p50:9.2f} {ratios[1]:>6} {p99:9.1f}")
    print()


def idle_table(idle):
    print(f"Idle engine process: {idle['engine_pss'] / MIB:.2f} MiB PSS; empty libuv process: {idle['empty_pss'] / MIB:.2f} MiB; "
          f"RSS above it, with nobody to share the library: {idle['engine_above_empty_rss'] / MIB:.2f} MiB.\n"
          f"Gateway with {idle['links']} idle engine links: {idle['gateway_pss'] / MIB:.2f} MiB PSS, {idle['per_link']} bytes per link.\n"
          f"Library: {idle['library']} bytes.\n")


def reach(name, measured, limit, decimals=0):
    """Not measured is short."""
    good = measured is not None and measured <= limit
    shown = "unknown" if measured is None else f"{measured:.{decimals}f}"
    print(f"reach {name} {shown} {limit} {'ok' if good else 'short'}")
    return good


def main(path):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    fanouts = fanout_table([line for line in lines if "receivers" in line])
    calls = [line for line in lines if "outstanding" in line]
    if calls:
        calls_table(calls)
    idle = next((line for line in lines if line.get("bench") == "idle"), None)
    if idle:
        idle_table(idle)
    found = fanouts.get(REACH_CASE, {})
    times = found["pinnate tcp"] / found["rawtree"] if {"pinnate tcp", "rawtree"} <= found.keys() else None
    kept = [
        reach("fanout_1000x64KiB_times_rawtree", times, RAWTREE_TIMES, 2),
        reach("idle_engine_above_empty_pss_bytes", idle and idle["engine_above_empty_pss"], IDLE_LIMIT),
        reach("library_stripped_bytes", idle and idle["library_stripped"], LIBRARY_LIMIT),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

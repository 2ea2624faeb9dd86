"""What compare.sh's report says of given lines, above all whether the limits are kept. Usage: report_test.py"""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import report  # noqa: E402

MIB = 1 << 20


def peer(name, seconds, receivers=1000, size=65536, bad=0):
    return {"peer": name, "receivers": receivers, "bytes": size, "seconds": seconds, "bad": bad}


def ours(seconds, receivers=1000, size=65536, last_hop="tcp", gateways=4):
    return {"bench": "fanout", "receivers": receivers, "bytes": size, "gateways": gateways, "last_hop": last_hop,
            "undurable_to_last_verified": seconds, "durable": 0.01, "prepare": 0.001, "call_to_last_live": seconds + 0.02}


def idle(above=MIB, stripped=MIB):
    return {"bench": "idle", "engine_pss": 2 * MIB, "empty_pss": MIB, "engine_above_empty_pss": above, "engine_above_empty_rss": above,
            "links": 1000, "gateway_pss": 9 * MIB, "gateway_unlinked_pss": MIB, "per_link": 8000, "library": 9 * MIB,
            "library_stripped": stripped}


def calls(name, rate, p50):
    return {"peer": name, "outstanding": 1, "payload": 64, "calls_per_s": rate, "p50_us": p50, "p99_us": 2 * p50}


def our_calls(hops, rate, p50):
    return {"bench": "calls", "hops": hops, "link": "tcp" if hops else None, "outstanding": 1, "payload": 64, "calls_per_s": rate,
            "p50_us": p50, "p99_us": 2 * p50}


class Report(unittest.TestCase):
    def reported(self, *lines):
        """(exit code, {name: (measured, limit, word)}, all that was printed)"""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                code = report.main(file.name)
        text = printed.getvalue()
        reach = [line.split() for line in text.splitlines() if line.startswith("reach ")]
        return code, {words[1]: tuple(words[2:]) for words in reach}, text

    def test_all_limits_kept_is_said_and_exits_with_0(self):
        code, reach, _ = self.reported(peer("rawtree", 0.1), ours(0.3), idle())
        self.assertEqual(code, 0)
        self.assertEqual(reach, {"fanout_1000x64KiB_times_rawtree": ("3.00", "3", "ok"),
                                 "idle_engine_above_empty_pss_bytes": (str(MIB), str(8 * MIB), "ok"),
                                 "library_stripped_bytes": (str(MIB), str(MIB * 3 // 2), "ok")})

    def test_each_limit_that_is_not_kept_is_short_and_exits_with_1(self):
        good = [peer("rawtree", 0.1), ours(0.2), idle()]
        for name, lines in (("fanout_1000x64KiB_times_rawtree", [good[0], ours(0.31), good[2]]),
                            ("idle_engine_above_empty_pss_bytes", good[:2] + [idle(above=8 * MIB + 1)]),
                            ("library_stripped_bytes", good[:2] + [idle(stripped=MIB * 3 // 2 + 1)])):
            code, reach, _ = self.reported(*lines)
            self.assertEqual((code, [key for key, words in reach.items() if words[2] == "short"]), (1, [name]))

    def test_what_was_not_measured_is_short(self):
        for lines in ([idle(), peer("rawtree", 0.1)], [idle(), ours(0.1)], [idle(stripped=None), ours(0.1), peer("rawtree", 0.1)], []):
            code, reach, _ = self.reported(*lines)
            self.assertEqual(code, 1)
            self.assertIn("unknown", [words[0] for words in reach.values()])

    def test_medians_count_and_only_of_the_case_that_the_limit_is_for(self):
        code, reach, _ = self.reported(peer("rawtree", 0.1), peer("rawtree", 0.1), peer("rawtree", 9), ours(0.2), ours(0.2), ours(9),
                                       peer("rawtree", 0.1, receivers=10), ours(9, receivers=10), ours(9, last_hop="unix"), idle())
        self.assertEqual((code, reach["fanout_1000x64KiB_times_rawtree"][0]), (0, "2.00"))

    def test_runs_with_another_number_of_gateways_are_told_apart_and_count_for_no_limit(self):
        one, many = ours(0.01, gateways=1), ours(9, gateways=8)
        code, reach, text = self.reported(peer("rawtree", 0.1), one, one, one, ours(0.2), many, many, many, idle())
        self.assertEqual((code, reach["fanout_1000x64KiB_times_rawtree"][0]), (0, "2.00"))
        for row in (r"pinnate tcp +200\.0", r"pinnate tcp \(1\) +10\.0", r"pinnate tcp \(8\) +9000\.0"):
            self.assertRegex(text, row)
        code, reach, _ = self.reported(peer("rawtree", 0.1), one, many, idle())
        self.assertEqual((code, reach["fanout_1000x64KiB_times_rawtree"][0]), (1, "unknown"))

    def test_a_peer_that_delivered_wrong_bytes_is_left_out_in_words(self):
        code, reach, text = self.reported(peer("rawtree", 0.1), peer("rawtree", 0.001, bad=3), ours(0.2), idle())
        self.assertEqual((code, reach["fanout_1000x64KiB_times_rawtree"][0]), (0, "2.00"))
        self.assertIn("left out: rawtree delivered wrong bytes to 3 receivers", text)

    def test_calls_are_set_beside_bare_sockets_over_the_same_hops(self):
        _, _, text = self.reported(calls("tcp", 1000, 10), calls("tcp3", 500, 30), our_calls(0, 9000, 1), our_calls(1, 500, 20),
                                   our_calls(3, 400, 60), idle())
        rows = {" ".join(line.split()[2:4]): line for line in text.splitlines() if "pinnate" in line}
        self.assertIn("x0.50", rows["pinnate tcp"])
        self.assertIn("x0.80", rows["pinnate tcp3"])
        self.assertIn("x2.00", rows["pinnate tcp3"])
        self.assertNotIn("x", rows["pinnate in"].replace("pinnate in process", ""))


if __name__ == "__main__":
    unittest.main()

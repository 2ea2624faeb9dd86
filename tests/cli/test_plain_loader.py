"""Shared objects nobody here wrote, from Debian packages, published and called through the sample loader `plain`."""

import pathlib
import signal
import unittest
import zlib

from fleet import FleetTest


def debian_object(file_name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"):
        path = pathlib.Path(folder) / file_name
        if path.exists():
            return path
    raise unittest.SkipTest(f"{file_name} is not installed")


class PlainLoaderTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.start_tree()

    def publish(self, module, path, function, code=0):
        return self.ask("publish", module, path, "--loader", "plain", "--config-text", function, "--wait", code=code)[0]

    def test_libz_answers_with_its_version_and_sums(self):
        libz = debian_object("libz.so.1")
        self.publish("zlib-version@1", libz, "zlibVersion()s")
        self.publish("zlib-crc32@1", libz, "crc32(ubn)u")
        self.assertEqual(self.ask("call", "zlib-version")[0], zlib.ZLIB_RUNTIME_VERSION)
        self.assertEqual(self.ask("call", "zlib-crc32", "--data", "pinnate")[0], str(zlib.crc32(b"pinnate")))

    def test_an_engine_that_starts_with_its_state_has_the_loader_from_the_first_moment(self):
        arguments = ("engine", "--id", "kept", "--state", self.folder / "kept", "--up", f"unix:{self.folder}/gate.sock")
        engine = self.start(*arguments)
        self.await_status(lambda status: status["online_engines"] == 3)
        self.publish("zlib-version@1", debian_object("libz.so.1"), "zlibVersion()s")
        for _ in range(3):
            engine.signal(signal.SIGTERM)
            self.assertEqual(engine.await_end(), 0, engine.told())
            engine = self.start(*arguments)
            engine.await_line("zlib-version@1 release 1: live")
            self.assertNotIn("failed", " ".join(engine.seen))

    def test_libcrypto_answers_also_after_it_was_withdrawn_and_published_again(self):
        libcrypto = debian_object("libcrypto.so.3")  # linked with -z nodelete: it stays in the process
        self.publish("crypto@1", libcrypto, "OpenSSL_version(i)s")
        self.assertTrue(self.ask("call", "crypto", "--data", "0")[0].startswith("OpenSSL 3"))
        self.ask("unpublish", "crypto")
        self.await_status(lambda status: all(r["serving"] == 0 for r in status["releases"]))
        self.publish("zlib-version@1", debian_object("libz.so.1"), "zlibVersion()s")
        self.assertEqual(self.ask("call", "zlib-version")[0], zlib.ZLIB_RUNTIME_VERSION)
        self.publish("crypto@2", libcrypto, "OpenSSL_version_num()u")
        self.assertGreaterEqual(int(self.ask("call", "crypto")[0]), 0x30000000)

    def test_libsqlite3_answers(self):
        sqlite = debian_object("libsqlite3.so.0")
        self.publish("sqlite-version@1", sqlite, "sqlite3_libversion()s")
        self.publish("sqlite-complete@1", sqlite, "sqlite3_complete(s)i")
        self.assertRegex(self.ask("call", "sqlite-version", "--at", "one")[0], r"^3\.\d+\.\d+$")
        self.assertEqual(self.ask("call", "sqlite-complete", "--data", "SELECT 1;")[0], "1")
        self.assertEqual(self.ask("call", "sqlite-complete", "--data", "SELECT '")[0], "0")

    def test_wrong_configurations_fail_in_words(self):
        libz = debian_object("libz.so.1")
        cases = [("", "must name a function"), ("zlibVersion", "must name a function"), ("zlibVersion(x)q", "is no signature"),
                 ("nothing()s", "exports no symbol"), ("puts(s)i", "not the object's own")]
        for number, (function, words) in enumerate(cases):
            with self.subTest(function=function):
                out = self.publish(f"wrong-{number}@1", libz, function, code=1)
                self.assertIn(words, out)

    def test_a_variable_is_not_called(self):
        out = self.publish("wrong@1", debian_object("libsqlite3.so.0"), "sqlite3_version()s", code=1)
        self.assertIn("is a variable, not a function", out)

    def test_wrong_payloads_fail_the_call_in_words(self):
        libz = debian_object("libz.so.1")
        self.publish("bound@1", libz, "compressBound(u)u")
        self.assertGreater(int(self.ask("call", "bound", "--data", "1000")[0]), 1000)
        self.assertIn("decimal number", self.ask("call", "bound", "--data", "many", code=1)[1])
        self.publish("version@1", libz, "zlibVersion()s")
        self.assertIn("no payload", self.ask("call", "version", "--data", "x", code=1)[1])


if __name__ == "__main__":
    unittest.main()

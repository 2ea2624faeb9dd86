"""The main job on shared objects that nobody here wrote: from Debian packages, over every tier, into several engines."""

import ctypes
import pathlib
import sqlite3
import subprocess
import unittest
import zlib

from fleet import FleetTest

# package, object, configuration of the loader `plain`, payload, what the object itself answers when it is asked here
OBJECTS = [
    ("zlib1g", "libz.so.1", "crc32(ubn)u", "pinnate", lambda: str(zlib.crc32(b"pinnate"))),
    ("zlib1g", "libz.so.1", "zlibVersion()s", "", lambda: zlib.ZLIB_RUNTIME_VERSION),
    ("libsqlite3-0", "libsqlite3.so.0", "sqlite3_libversion()s", "", lambda: sqlite3.sqlite_version),
    ("libsqlite3-0", "libsqlite3.so.0", "sqlite3_complete(s)i", "SELECT 1;", lambda: "1"),
    ("libssl3", "libcrypto.so.3", "OpenSSL_version(i)s", "0", lambda: openssl_version()),
]


def openssl_version():
    crypto = ctypes.CDLL("libcrypto.so.3")
    crypto.OpenSSL_version.restype = ctypes.c_char_p
    return crypto.OpenSSL_version(0).decode()


def installed(name):
    listed = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in listed.splitlines():
        if line.split(" ")[0].strip() == name and "=>" in line:
            return pathlib.Path(line.split("=> ")[1]).resolve()
    raise AssertionError(f"{name} is not installed")


class ForeignObjectTest(FleetTest):
    def setUp(self):
        super().setUp()
        top = self.controller("--listen", "tcp://127.0.0.1:0")
        tcp = top.await_line("listening on tcp://").removeprefix("listening on ")
        self.names = []
        for node in (1, 2):
            site = self.gateway(f"node{node}", "--listen", "tcp://127.0.0.1:0", up=tcp)
            pod = self.gateway(f"pod{node}", up=site.await_line("listening on tcp://").removeprefix("listening on "))
            for number in (1, 2):
                self.names.append(f"engine{node}{number}")
                self.engine(self.names[-1], up=pod.address, state=number == 1 or None)
        self.await_status(lambda s: s["online_engines"] == len(self.names))

    def test_three_debian_objects_go_all_the_way_and_every_engine_answers_as_the_object_does_here(self):
        for number, (package, name, function, payload, expected) in enumerate(OBJECTS):
            with self.subTest(package=package, function=function):
                out = self.publish(f"fn{number}@1", installed(name), "--loader", "plain", "--config-text", function)
                self.assertIn(f"live on all {len(self.names)} selected", out)
                for engine in self.names:
                    self.assertEqual(self.call(f"fn{number}", payload, at=engine), expected())


if __name__ == "__main__":
    unittest.main()

"""What a module says on a real engine, shown by everything that prints it: as text, on its line."""

import os
import subprocess
import unittest

from fleet import PINNATE, REPOSITORY, FleetTest, environment

SOURCE = r"""
#include <pinnate/module.h>
#include <stdio.h>
#define HOSTILE "\x1b[2Jred\nno line\x7f\xc2\x9b" "31m\xe2\x80\xae" "evil\xff"
static const pinnate_host *host_of;
static int create(const pinnate_host *host, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  (void)config;
  host->log(host->context, 2, HOSTILE);
  if (bytes != 0) {
    snprintf(error, error_bytes, "%s", HOSTILE);
    return 1;
  }
  host_of = host;
  *service = (void *)host;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service, (void)payload, (void)bytes;
  host_of->fail(reply, HOSTILE);
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""
SHOWN = r"no line\x7f\u009b31m\u202eevil\xff"  # of the rest the library makes text itself, in one way or another


class ModuleWordsTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.modules / "says.c").write_text(SOURCE)
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", str(REPOSITORY / "include"),
                        "-o", str(cls.modules / "says.so"), str(cls.modules / "says.c")], check=True)

    def ran(self, *arguments):
        ended = subprocess.run([PINNATE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=environment(PINNATE_TO=self.to), timeout=60)
        return ended.stdout

    def assert_text(self, output):
        text = output.decode()
        wrong = [c for c in text if ord(c) < 32 and c != "\n" or 0x7F <= ord(c) <= 0x9F or c == "\u202e"]
        self.assertFalse(wrong, text)
        return text

    def test_reasons_failures_of_calls_and_log_lines_are_text_on_one_line(self):
        self.start_controller()
        engine = self.start("engine", "--id", "one", "--up", self.to)
        engine.await_line("engine is running")
        self.ask("publish", "fine@1", self.modules / "says.so", "--wait")
        for arguments in (("publish", "says@1", self.modules / "says.so", "--config-text", "fail", "--wait"), ("status",), ("engines",), ("call", "fine")):
            text = self.assert_text(self.ran(*arguments))
            self.assertTrue([line for line in text.splitlines() if "red" in line and "evil" in line], (arguments, text))
        line = engine.await_line("says@1 release 2: failed")
        self.assertIn("evil", line)
        engine.process.terminate()
        engine.await_end()
        engine.errors.seek(0)
        log = self.assert_text(engine.errors.read())
        self.assertTrue([line for line in log.splitlines() if "red" in line and "evil" in line], log)


if __name__ == "__main__":
    unittest.main()

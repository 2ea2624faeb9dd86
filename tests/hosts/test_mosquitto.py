"""mosquitto 2.0 with samples/hosts/mosquitto: messages are rewritten while versions change; reload, kill and stop."""

import getpass
import re
import signal
import subprocess
import unittest

from host import HostTest, Process, compiled, free_port, run


# Answers the topic that it is told.
TOPIC = """
#include <pinnate/module.h>
#include <string.h>

static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error, size_t error_bytes) {
  host = h, *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  const char *topic = host->header(reply, "topic");
  host->answer(reply, topic, topic ? strlen(topic) : 0);
}
static void destroy(void *service) {}
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
"""


class MosquittoTest(HostTest):
    needs = ("mosquitto", "mosquitto_pub", "mosquitto_sub")

    @classmethod
    def setUpClass(cls):
        cls.plugin = compiled("mosquitto/plugin.c", cls, "-shared", "-fPIC")

    def setUp(self):
        super().setUp()
        self.port = free_port()
        (self.folder / "mosquitto.conf").write_text(f"""
user {getpass.getuser()}
listener {self.port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
plugin {self.plugin}
plugin_opt_gateway {self.gate.address}
plugin_opt_function greet
plugin_opt_topic sensors/
""")
        self.serve()

    def serve(self):
        self.broker = self.start("mosquitto", "-c", self.folder / "mosquitto.conf")
        self.broker.await_line("running")
        self.await_live("greet", 1)

    def subscribed(self, topic, count):
        """mosquitto_sub, which ends after so many messages."""
        sub = Process("stdbuf", "-oL", "mosquitto_sub", "-p", self.port, "-q", "1", "-t", topic, "-C", count, "-d", "-F", "got %p")
        self.addCleanup(sub.close)
        sub.await_line("Subscribed")
        return sub

    def messages(self, sub):
        self.assertEqual(sub.await_end(), 0)
        return [line[4:] for line in sub.lines if line.startswith("got ")]

    def publish_message(self, topic, text):
        run("mosquitto_pub", "-p", self.port, "-q", "1", "-t", topic, "-m", text)

    def test_every_message_is_rewritten_while_versions_change_and_the_broker_reloads(self):
        count = 3000
        sub = self.subscribed("sensors/#", count)
        versions = self.versions()
        command = ["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", "sensors/a", "-l"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as publisher:
            for number in range(1, count + 1):
                publisher.stdin.write(f"{number}\n")
                if number % 500 == 0:
                    publisher.stdin.flush()
                    self.broker.signal(signal.SIGHUP)
                    self.await_live("greet", 1, version=str(versions.published + 1))
        self.assertEqual(publisher.returncode, 0)
        newest = versions.stop()
        got = self.messages(sub)
        self.assertEqual(len(got), count)
        self.assertEqual([text for text in got if not re.fullmatch(r"[12] \d+", text)], [])
        self.assertGreater(newest, 5)

    def test_the_function_is_told_the_topic(self):
        self.publish("greet@2", self.compiled("topic", TOPIC), wait=False)
        self.await_live("greet", 1, version="2")
        sub = self.subscribed("sensors/#", 1)
        self.publish_message("sensors/kitchen", "hello")
        self.assertEqual(self.messages(sub), ["sensors/kitchen"])

    def test_a_message_elsewhere_is_left_alone(self):
        sub = self.subscribed("other", 1)
        self.publish_message("other", "as it was")
        self.assertEqual(self.messages(sub), ["as it was"])

    def test_a_message_that_the_function_fails_is_refused_and_the_publisher_told(self):
        self.ask("unpublish", "greet")
        self.await_status(lambda s: not any(r["serving"] for r in s["releases"]))
        ended = run("mosquitto_pub", "-V", "5", "-p", self.port, "-q", "1", "-t", "sensors/a", "-m", "hello", "-d")
        self.assertRegex(ended, r"PUBACK \(Mid: 1, RC:135\)")

    def test_a_stopped_broker_leaves_no_engine_online(self):
        self.broker.signal(signal.SIGTERM)
        self.assertEqual(self.broker.await_end(), 0, self.broker.lines)
        self.await_engines(0)

    def test_a_broker_that_was_killed_serves_again_when_it_is_started_again(self):
        self.kill(self.broker)
        self.serve()
        sub = self.subscribed("sensors/#", 1)
        self.publish_message("sensors/a", "hello")
        self.assertRegex(self.messages(sub)[0], r"^1 \d+$")


if __name__ == "__main__":
    unittest.main()

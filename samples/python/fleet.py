"""A fleet of Python agents in one process that is given Python functions.

    PYTHONPATH=bindings/python PINNATE_LIBRARY=build/release/lib/libpinnate.so python3 samples/python/fleet.py
"""

import contextlib
import os
import tempfile

import pinnate

GREET = """
def handle(payload):
    return b"hello " + payload
"""
COUNT = """
class Counter:
    def __init__(self, word):
        self.word, self.calls = word, 0

    def call(self, payload):
        self.calls += 1
        return b"%s %s, call %d" % (self.word, payload, self.calls)

def create(config):
    return Counter(config)
"""

with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
    controller = stack.enter_context(pinnate.Controller(os.path.join(folder, "state")))
    gateway = stack.enter_context(pinnate.Gateway(id="site-1"))
    gateway.dial_upstream(controller.listen(f"unix:{folder}/controller.sock"))
    below = gateway.listen(f"unix:{folder}/gateway.sock")
    # Each of these would be an agent's process of its own, on this machine or another.
    agents = [
        stack.enter_context(pinnate.Engine(id=f"agent-{n}", loaders=[pinnate.PythonLoader()])) for n in range(4)
    ]
    for agent in agents:
        agent.dial_upstream(below)

    def publish(version: str, source: str, config: bytes = b"") -> None:
        """Publishes, and waits until all agents serve it."""
        published = controller.publish("greet", version, source.encode(), loader="python", config=config)
        controller.wait_live(published, engines=len(agents), timeout=30)
        print(f"greet {version} is live on {len(agents)} agents, as release {published.release}")

    publish("1.0.0", GREET)
    print(controller.call("greet", b"world"), "through the tree")
    publish("1.1.0", COUNT, config=b"welcome,")
    for row in controller.engines():
        print(row.path, row.id, controller.call("greet", b"you", engine=row.id))
    print(agents[0].call("greet", b"again"), "in process, on", "agent-0")

"""An engine that runs modules in Python, so that what is recorded of it fits every platform.

    engine.py LIBRARY ID [--up ADDR] [--listen ADDR] [--state DIR] [--label KEY=VALUE]
"""

import argparse
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bindings" / "python"))
parser = argparse.ArgumentParser()
for name in ("library", "id"):
    parser.add_argument(name)
for name in ("up", "listen", "state"):
    parser.add_argument(f"--{name}")
parser.add_argument("--label", action="append", default=[])
options = parser.parse_args()
os.environ["PINNATE_LIBRARY"] = options.library
import pinnate  # noqa: E402

signals = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
labels = dict(label.partition("=")[::2] for label in options.label)
with pinnate.Engine(options.state, id=options.id, labels=labels, loaders=[pinnate.PythonLoader()]) as engine:
    if options.listen:
        engine.listen(options.listen)
    if options.up:
        engine.dial_upstream(options.up)
    print("engine is running", flush=True)
    signal.sigwait(signals)

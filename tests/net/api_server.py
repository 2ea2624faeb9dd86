"""A real Kubernetes API server (apiserver.sh), and the EndpointSlices that a test puts there in place of a cluster's controller."""

import json
import os
import pathlib
import random
import socket
import ssl
import subprocess
import urllib.request

SCRIPT = pathlib.Path(__file__).resolve().parent / "apiserver.sh"
CACHE = pathlib.Path(os.environ.get("PINNATE_KUBE_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pinnate/kube-apiserver")


def free_ports(count):
    """The first of so many ports in a row that nobody listens at, below those that the kernel hands out."""
    while True:
        first = random.randrange(20000, 32000)
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


def apiserver(*words):
    ended = subprocess.run(["bash", SCRIPT, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True, timeout=300)
    if ended.returncode != 0:
        raise AssertionError(f"apiserver.sh {' '.join(map(str, words))}: {ended.stderr}")


class ApiServer:
    def __init__(self, folder, mode="v1"):
        self.folder = pathlib.Path(folder)
        self.port = free_ports(3)
        self.url = f"https://127.0.0.1:{self.port}"
        apiserver("start", self.folder, self.port, mode)
        self.tokens = {name: (self.folder / f"{name}.token").read_text().strip() for name in ("admin", "gateway", "nobody")}
        self._tls = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def halt(self, how="kill"):
        apiserver("halt", self.folder, how)

    def resume(self):
        apiserver("resume", self.folder)

    def stop(self):
        apiserver("stop", self.folder)

    def signal_etcd(self, number):
        os.kill(int((self.folder / "etcd.pid").read_text().split()[0]), number)

    def kubectl(self, *words):
        ended = subprocess.run([CACHE / "bin/kubectl", "--kubeconfig", self.folder / "kubeconfig", *map(str, words)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        return ended.returncode, ended.stdout

    def request(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method, data=body and json.dumps(body).encode())
        request.add_header("Authorization", "Bearer " + (token or self.tokens["admin"]))
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=self._tls, timeout=60) as answer:
            return json.load(answer)


class Slice:
    """An EndpointSlice of a Service. It is there from the first put() on."""

    def __init__(self, server, service, name, namespace="edge"):
        self.server = server
        self._all = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        self._path = f"{self._all}/{name}"
        self._metadata = {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": service}}
        self._is_there = False

    def put(self, *addresses, terminating=()):
        ending = {"ready": False, "serving": True, "terminating": True}
        endpoints = [{"addresses": [address], "conditions": ending if address in terminating else {"ready": True}} for address in addresses]
        body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": self._metadata, "addressType": "IPv4",
                "endpoints": endpoints, "ports": []}
        method, path = ("PUT", self._path) if self._is_there else ("POST", self._all)
        self._metadata = self.server.request(method, path, body)["metadata"]
        self._is_there = True

    def delete(self):
        if not self._is_there:
            return
        self.server.request("DELETE", self._path)
        self._is_there = False

"""Network namespaces: one for the controller, one per site, a veth pair between each site and the controller."""

import os
import pathlib
import re
import shutil
import subprocess

WAN = "wan"  # what the site's end of its pair is called; the controller's end has the site's name


def why_not():
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "not root"
    missing = [tool for tool in ("ip", "nft", "tc", "nsenter") if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} missing"
    name = f"pinnate-chaos-{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "netns", "exec", name, "nft", "-f", "-", text=_filters("lo", True, True, _some(5)))
        run("tc", "-n", name, "qdisc", "add", "dev", "lo", "root", *_bucket("2mbit"))
    except RuntimeError as why:  # this kernel, or this container, cannot
        return str(why)
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None


def run(*command, text=None):
    ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=20)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


def _filters(device, inward, outward, match):
    chains = []
    for hook, wanted, way in (("input", inward, "iifname"), ("output", outward, "oifname")):
        if wanted:
            chains.append(f"chain {hook} {{\n type filter hook {hook} priority 0\n {way} {device} {match} counter drop\n}}\n")
    return "table inet chaos {\n" + "".join(chains) + "}\n"


def _some(percent):
    return f"numgen random mod 100 < {percent}"


def _bucket(rate):
    return "tbf", "rate", rate, "burst", "16kb", "latency", "400ms"


def remove_leftovers():
    """The namespaces of runs that were killed before they could clean up."""
    for line in run("ip", "netns", "list").splitlines():
        match = re.match(r"(pinnate-chaos-(\d+)-\S+)", line)
        if match and not pathlib.Path("/proc", match[2]).exists():
            run("ip", "netns", "del", match[1])


class Network:
    """`sites` maps each site's name to what is wrong with its link."""

    def __init__(self, sites):
        self._made = []
        self._sites = list(sites)
        try:
            remove_leftovers()
            self._add("top")
            for number, site in enumerate(self._sites):
                self._add(site)
                run("ip", "-n", self._name("top"), "link", "add", "name", site, "type", "veth",
                    "peer", "name", WAN, "netns", self._name(site))
                for name, device, host in (("top", site, 1), (site, WAN, 2)):
                    run("ip", "-n", self._name(name), "addr", "add", f"10.77.{number}.{host}/30", "dev", device)
                    run("ip", "-n", self._name(name), "link", "set", device, "up")
        except BaseException:
            self.close()
            raise

    def _name(self, name):
        return f"pinnate-chaos-{os.getpid()}-{name}"

    def _add(self, name):
        run("ip", "netns", "add", self._name(name))
        self._made.append(self._name(name))
        run("ip", "-n", self._name(name), "link", "set", "lo", "up")

    def top_address(self, site):
        return f"10.77.{self._sites.index(site)}.1"

    def site_address(self, site):
        return f"10.77.{self._sites.index(site)}.2"

    def flag(self, name):
        """For nsenter."""
        return f"--net=/run/netns/{self._name(name)}"

    # ---- what is wrong with a site's link ----

    def _nft(self, site, *command, text=None):
        return run("ip", "netns", "exec", self._name(site), "nft", *command, text=text)

    def _filter(self, site, inward, outward, match):
        self._nft(site, "-f", "-", text=_filters(WAN, inward, outward, match))

    def dropped(self, site):
        """How many packets were dropped since `partition` or `lose`."""
        return sum(map(int, re.findall(r"counter packets (\d+)", self._nft(site, "list", "table", "inet", "chaos"))))

    def _unfilter(self, site):
        """How many packets were dropped meanwhile."""
        dropped = self.dropped(site)
        self._nft(site, "delete", "table", "inet", "chaos")
        return dropped

    def partition(self, site, how):
        """`how`: nothing passes `both` ways, `in`to the site or `out` of it, or the link is `down`."""
        if how == "down":
            run("ip", "-n", self._name(site), "link", "set", WAN, "down")
        else:
            self._filter(site, how in ("both", "in"), how in ("both", "out"), "")

    def is_down(self, site):
        return "state DOWN" in run("ip", "-n", self._name(site), "link", "show", "dev", WAN)

    def heal(self, site, how):
        """How many packets were dropped meanwhile; None when the link was down, since nothing counts them then."""
        if how == "down":
            run("ip", "-n", self._name(site), "link", "set", WAN, "up")
            return None
        return self._unfilter(site)

    def lose(self, site, percent):
        self._filter(site, True, True, _some(percent))

    def lose_no_more(self, site):
        return self._unfilter(site)

    def _ends(self, site):
        return (("top", site), (site, WAN))

    def limit(self, site, rate):
        for name, device in self._ends(site):
            run("tc", "-n", self._name(name), "qdisc", "add", "dev", device, "root", *_bucket(rate))

    def held_up(self, site):
        """How many packets had to wait or were dropped since `limit`."""
        shown = (run("tc", "-n", self._name(name), "-s", "qdisc", "show", "dev", device) for name, device in self._ends(site))
        return sum(int(number) for text in shown for number in re.findall(r"(?:dropped|overlimits) (\d+)", text))

    def limit_no_more(self, site):
        """How many packets had to wait or were dropped by the limit meanwhile."""
        held_up = self.held_up(site)
        for name, device in self._ends(site):
            run("tc", "-n", self._name(name), "qdisc", "del", "dev", device, "root")
        return held_up

    def close(self):
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20)
        self._made.clear()

"""nginx 1.22 with samples/hosts/nginx: reloaded, killed and stopped under load."""

import os
import re
import signal
import subprocess
import unittest

from host import BUILT, SAMPLES, HttpHostTest, alone, installed, run

WORKERS = 2


def built():
    """The module, built as nginx's users do; what configure found out about the machine is kept."""
    version = re.search(r"nginx/(\S+)", subprocess.run(["nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr)[1]
    folder = BUILT / f"nginx-{version}"
    env = installed()
    with alone("nginx"):
        folder.mkdir(exist_ok=True)
        objects = folder / "objs"
        configured = objects / "Makefile"
        if not configured.exists() or configured.stat().st_mtime < (SAMPLES / "nginx/config").stat().st_mtime:
            for name in ("auto", "src", "configure"):
                if not (folder / name).is_symlink():
                    (folder / name).symlink_to(f"/usr/share/nginx/src/{name}")
            run("./configure", "--with-compat", f"--add-dynamic-module={SAMPLES / 'nginx'}", f"--builddir={objects}", cwd=folder, env=env)
        for old in objects.glob("addon/*/*.o"):  # the Makefile does not know of Pinnate's headers
            old.unlink()
        run("make", "-f", configured, "modules", cwd=folder, env=env)
        return objects / "ngx_http_pinnate_module.so"


class NginxTest(HttpHostTest):
    needs = ("nginx", "wrk")

    @classmethod
    def setUpClass(cls):
        cls.module = built()

    def setUp(self):
        super().setUp()
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(f"""
            load_module {self.module};
            worker_processes {WORKERS}; pid {self.folder}/nginx.pid; error_log stderr notice; daemon off;
            {"user root;" if os.getuid() == 0 else ""}
            events {{ worker_connections 512; }}
            http {{
                access_log off; {temporary}
                pinnate_gateway {self.gate.address};
                server {{
                    listen 127.0.0.1:{self.port};
                    location /greet {{ pinnate; }}
                    location /slow {{ pinnate; }}
                }}
            }}""")
        self.publish_slow()
        self.nginx = self.start("nginx", "-c", self.folder / "nginx.conf", "-e", "stderr")
        self.await_engines(WORKERS)
        self.await_live("greet", WORKERS)
        self.await_live("slow", WORKERS)

    def workers(self):
        text = run("ps", "-o", "pid=,args=", "--ppid", self.nginx.process.pid)
        return {int(line.split()[0]) for line in text.splitlines() if "worker process" in line and "shutting" not in line}

    def reload(self, while_they_end=lambda: None):
        old, said = self.workers(), len(self.nginx.lines)
        self.nginx.signal(signal.SIGHUP)
        for worker in old:
            self.nginx.await_line(f" {worker}#{worker}: gracefully shutting down", after=said)
        while_they_end()
        for worker in old:
            self.nginx.await_line(f"worker process {worker} exited ", after=said)

    def no_worker_crashed(self):
        self.assertEqual([line for line in self.nginx.lines if "exited on signal" in line or "[alert]" in line], [])

    def test_no_request_fails_when_nginx_is_reloaded_ten_times_while_versions_change(self):
        versions, load = self.versions(), self.load()
        for _ in range(10):
            self.reload()
        requests, failed = load.end(now=True)
        newest = versions.stop()
        self.assertEqual(failed, [])
        self.assertGreater(requests, 1000)
        self.assertGreater(newest, 5)
        self.await_live("greet", WORKERS, version=str(newest))
        self.assertRegex(self.get("greet"), rf"^{1 + newest % 2} \d+$")
        self.no_worker_crashed()

    def test_a_function_that_takes_long_holds_up_nobody_else_and_is_answered_before_its_worker_ends(self):
        slow = self.begin_slow()
        for _ in range(10):
            self.assertRegex(self.get("greet"), r"^1 \d+$")
        self.reload(while_they_end=slow.let_go)
        self.assertEqual(slow.answer(), "let go")
        self.no_worker_crashed()

    def test_a_function_is_told_that_the_client_it_works_for_has_left(self):
        slow = self.begin_slow()
        slow.leave()
        self.assertEqual(slow.said(), "cancelled")
        self.assertRegex(self.get("greet"), r"^1 \d+$")
        self.reload()
        self.no_worker_crashed()

    def test_a_killed_worker_is_replaced_by_one_that_serves(self):
        victim, before = min(self.workers()), self.engines_by_id()
        os.kill(victim, signal.SIGKILL)
        self.nginx.await_line(f"worker process {victim} exited on signal 9")
        self.assertEqual(len(self.await_newcomer(before)), WORKERS, "the one that was killed is forgotten")
        self.await_live("greet", WORKERS)
        self.assertEqual(self.load(seconds=1).end()[1], [])

    def test_a_stopped_nginx_leaves_no_engine_online(self):
        self.nginx.signal(signal.SIGQUIT)
        self.assertEqual(self.nginx.await_end(), 0)
        self.await_engines(0, known=0)
        self.no_worker_crashed()


if __name__ == "__main__":
    unittest.main()

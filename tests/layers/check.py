"""Layers name only what is below them, and the layers that are pure do nothing but compute.

    check.py [BUILD]    without BUILD only the sources are looked at, not the object files

DESIGN.md gives the order. Three things are checked:
  1. `#include` in lib/ runs downward: never to a layer above or beside, from tier neither to store, module nor discovery,
     and nowhere by a relative path. Handles of the C ABI (controller.h, ...) are named by lib/capi alone.
     The same holds for the folders inside a layer that ROOMS names.
  2. samples/ and bindings/ use nothing but include/.
  3. The objects of base, wire, content, tier and sim refer to no symbol that does I/O, reads a clock, draws randomness from the
     system or starts a thread.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = (".h", ".hpp", ".c", ".cc", ".cpp")

RANK = {"capi": 6, "runtime": 5, "sim": 5, "tier": 4, "store": 3, "module": 3, "discovery": 3, "content": 2, "wire": 1, "base": 0}
NEVER = {("tier", "store"), ("tier", "module"), ("tier", "discovery")}
ROOMS = {"module": {"": 3, "loading": 2, "calling": 1, "lasting": 0},
         "discovery": {"": 3, "fixed": 2, "kubernetes": 2, "containers": 2, "http": 1, "dns": 1, "source": 0}}  # "": beside the folders
HANDLES = {"controller.h", "gateway.h", "engine.h", "client.h", "testing.h"}

PURE = ["base", "wire", "content", "tier", "sim"]
# Names after removing the version (@GLIBC...), leading underscores, and the suffixes 64, _chk and _2 of glibc's variants.
DENIED_C = re.compile(r"""(
    # files and descriptors
    (p?read|p?write)(v2?)? | open(at2?)? | creat | close | lseek | dup[23]? | pipe2? | f?truncate | f(data)?sync | syncfs | sync | sendfile
    | l?f?x?stat(at)? | statx | access | faccessat | rename(at2?)? | unlink(at)? | link(at)? | symlink(at)? | readlink(at)? | mkdir(at)?
    | rmdir | mk[od]?s?temp | opendir | fdopendir | readdir | chdir | ioctl | fcntl | flock | mmap | memfd_create | eventfd | inotify_\w+
    | f(d|re)?open | fclose | fread | fwrite | fflush | fget[cs] | fput[cs] | [gs]etvbuf | gets | puts | putc | putchar | getline | getc(har)?
    | v?f?printf | v?dprintf | v?f?scanf | perror | std(in|out|err) | v?syslog | syscall | remove | tmpfile
    # network and waiting
    | socket(pair)? | bind | listen | accept4? | connect | shutdown | send(to|m?msg)? | recv(from|m?msg)? | [gs]etsockopt
    | getaddrinfo | gethostby\w+ | getnameinfo | p?poll | p?select | epoll_\w+ | io_uring_\w+
    # clocks and timers
    | clock | clock_\w+ | gettimeofday | time | ftime | timespec_get | u?sleep | nanosleep | alarm | setitimer | timer_\w+ | timerfd_\w+
    | localtime | localtime_r | getrusage | times
    # randomness of the system, and of the C library's global state
    | getrandom | getentropy | s?rand | rand_r | s?random | s?random_r | [delmnj]rand48 | arc4random\w* | RAND_\w+
    # threads and processes
    | pthread_create | thrd_\w+ | fork | vfork | clone3? | exec[vl]\w* | posix_spawn\w* | system | popen | kill | raise | sig(nal|action)
    | pthread_cond_(timed|clock)?wait | sem_\w+ | sched_yield
    # the process around it
    | getenv | secure_getenv | setenv | getpid | gethostname | uname | sysconf | getuid | dlopen | dlsym | dlmopen
    # libraries that do such things
    | uv_\w+ | sqlite3_\w+ | SSL_\w+ | BIO_\w+ | ares_\w+ | curl_\w+
)""", re.X)
DENIED_CXX = re.compile(r"""
    \bstd::(__1::|__cxx11::|_V2::)*(
      chrono::(_V2::)?\w*clock::now | random_device | j?thread:: | this_thread:: | __future_base | async\b | condition_variable
      | basic_[io]?f(stream|ilebuf) | basic_fstream | c(out|err|in|log)\b | filesystem::(?!(__cxx11::)?path) | ios_base::Init
    )""", re.X)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in SOURCES) if folder.is_dir() else []


def includes(path):
    text = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment.group().count("\n"), path.read_text(), flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def why_not(layer, quoted, name, room=""):
    """The reason why lib/LAYER, or its folder ROOM, may not include NAME, or None."""
    first = name.split("/")[0]
    if ".." in name.split("/"):
        return "a relative path: write layer/file.h"
    if first == "pinnate":
        handle = name.split("/")[-1]
        return f"only lib/capi knows the handles of {handle}" if handle in HANDLES and layer != "capi" else None
    if first not in RANK:
        return "no layer: write layer/file.h" if quoted else None
    if first == layer:
        below = "/".join(name.split("/")[1:-1])
        if layer in ROOMS and below not in ROOMS[layer]:
            return f"lib/{layer}/{below} has no place in ROOMS"
        return f"{below or layer} is above {room}" if layer in ROOMS and ROOMS[layer][below] > ROOMS[layer][room] else None
    if (layer, first) in NEVER:
        return f"{layer} includes neither store, module nor discovery: its driver does"
    if RANK[first] == RANK[layer]:
        return f"{first} is beside {layer}, not below it"
    if RANK[first] > RANK[layer]:
        return f"{first} is above {layer}"
    return None


def wrong_includes():
    for folder in sorted((ROOT / "lib").iterdir()):
        if not folder.is_dir() or folder.name == "cmake":
            continue
        if folder.name not in RANK:
            yield f"lib/{folder.name}: no layer of DESIGN.md; if it is to be one, give it a rank in tests/layers/check.py"
            continue
        for path in files(folder):
            for number, quoted, name in includes(path):
                room = path.relative_to(folder).parent.as_posix().strip(".")
                reason = why_not(folder.name, quoted, name, room if folder.name in ROOMS else "")
                if reason:
                    yield f"{path.relative_to(ROOT)}:{number}: includes {name}: {reason}"
    inside = {path.relative_to(ROOT / "lib").as_posix() for path in files(ROOT / "lib")}
    for folder in ("samples", "bindings", "include"):
        for path in files(ROOT / folder):
            for number, _, name in includes(path):
                beside = (path.parent / name).resolve()
                if beside.is_file() and (ROOT / folder) in beside.parents:
                    continue
                if name in inside or (beside.is_file() and ROOT in beside.parents):
                    yield f"{path.relative_to(ROOT)}:{number}: includes {name}: {folder}/ uses nothing but include/"


def denied(symbol, plain):
    name = re.sub(r"@.*", "", symbol).lstrip("_")
    for suffix in ("", "_chk", "64_chk", "64", "64_2", "_2"):
        if name.endswith(suffix) and DENIED_C.fullmatch(name[:len(name) - len(suffix)]):
            return True
    name = re.sub(r"^isoc99_", "", name)
    return bool(DENIED_C.fullmatch(name) or DENIED_CXX.search(plain))


def undefined(objects):
    """(object, symbol, demangled symbol) of all that the objects want from elsewhere."""
    listing = subprocess.run(["nm", "-A", "-u", "--format=posix", *map(str, objects)], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    rows = [re.match(r"(.*?):? (\S+) [Uwv]\b", line).groups() for line in listing.splitlines() if line.strip()]
    plain = subprocess.run(["c++filt"], input="".join(symbol + "\n" for _, symbol in rows), check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return [(name, symbol, text) for (name, symbol), text in zip(rows, plain)]


def wrong_symbols(build):
    commands = (build / "compile_commands.json").read_text()
    for layer in PURE:
        objects = sorted(set(re.findall(rf"-o (lib/CMakeFiles/pinnate_{layer}\.dir/\S+\.o)", commands)))
        if not objects or not all((build / name).is_file() for name in objects):
            yield f"{build}: layer {layer} has no object files: build the library first"
            continue
        for name, symbol, plain in undefined(build / name for name in objects):
            if denied(symbol, plain):
                yield f"lib/{layer}: {name} refers to {plain}: this layer does no I/O, reads no clock and starts no thread"


def self_test():
    """The rules above catch what they are there for, and let pass what is pure."""
    for symbol in ("read", "__read_chk", "open64", "__open_2", "recvmsg", "clock_gettime", "time", "getenv", "uv_now", "stderr",
                   "__fprintf_chk", "pthread_create", "rand", "fopen64", "epoll_wait", "sqlite3_step", "__isoc99_fscanf", "stat64"):
        assert denied(symbol, symbol), symbol
    for plain in ("std::chrono::_V2::steady_clock::now()", "std::random_device::_M_getval()", "std::thread::_M_start_thread(x)",
                  "std::basic_ofstream<char, std::char_traits<char> >::close()", "std::cout", "std::ios_base::Init::Init()",
                  "std::condition_variable::wait(std::unique_lock<std::mutex>&)", "std::filesystem::status(x)"):
        assert denied("_Z", plain), plain
    for symbol in ("malloc", "memcpy", "snprintf", "__snprintf_chk", "abort", "strlen", "pthread_mutex_lock", "deflate", "EVP_DigestUpdate",
                   "__cxa_throw", "strtoull", "timegm"):
        assert not denied(symbol, symbol), symbol
    for plain in ("std::__cxx11::basic_string<char>::append(x)", "std::__throw_length_error(char const*)", "pinnate::Message::read()",
                  "std::ostream::flush()"):
        assert not denied("_Z", plain), plain
    for layer, name in (("tier", "store/store.h"), ("tier", "module/x.h"), ("store", "module/x.h"), ("sim", "runtime/x.h"),
                        ("wire", "content/chunk.h"), ("base", "../wire/mux.h"), ("tier", "pinnate/engine.h"), ("tier", "mux.h")):
        assert why_not(layer, True, name), (layer, name)
    assert why_not("module", True, "module/loading/x.h", "calling") and why_not("module", True, "module/x.h", "lasting")
    assert not why_not("module", True, "module/lasting/x.h", "calling") and not why_not("module", True, "module/loading/x.h")
    for layer, name in (("runtime", "store/store.h"), ("tier", "wire/mux.h"), ("capi", "pinnate/engine.h"), ("tier", "tier/x.h")):
        assert not why_not(layer, True, name), (layer, name)


def main(arguments):
    self_test()
    wrong = list(wrong_includes())
    if arguments:
        wrong += wrong_symbols(pathlib.Path(arguments[0]))
    print("\n".join(wrong) if wrong else "every layer keeps its place")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

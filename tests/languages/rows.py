"""What is known of modules in each language: how one is built, and what an engine does with it. The one table behind
samples/modules/README.md: `run.py` tries each row and fails when it is otherwise.
"""

import dataclasses

HIDDEN = "-shared -fPIC -I include -Wl,--version-script=include/pinnate/module.map"
STAYS = "-DFLAGS=PINNATE_STAYS_LOADED"
TURNS = "-DFLAGS=PINNATE_ONE_AT_A_TIME"
REFUSED, FRESH, GOES_ON = "refused", "fresh", "goes on"


@dataclasses.dataclass(frozen=True)
class Row:
    folder: str  # of the source, here
    title: str  # on the page
    packages: str  # of Debian; the first one's version is the row's
    build: str  # of the files of that folder, table.c and own_thread.c, to module.so
    name: str = ""  # on the command line, where a folder has several rows
    ordinary: bool = False  # runs with every test run: no more than tests/packages.sh installs
    publish: tuple = ()  # more options of `pinnate publish`
    first: str = "live"  # or words of the refusal
    second: str = FRESH  # a second version: FRESH values of its own, or words of the refusal
    again: str = FRESH  # the same when each version comes again, twice
    images: int = 0  # that stay mapped after three publishes of each version and withdrawal
    libraries: str = ""  # how the name of one of those begins that stay; "" : none
    threads: int = 0  # that stay at most; 0 : none
    handlers: str = ""  # signals whose handler is another one afterwards
    descriptors: int = 0  # that stay
    executable_stacks: bool = False  # a library of it makes those of the whole process so
    notice: str = ""  # words of a notice
    fails: tuple = ()  # a payload, and what the call fails with

    @property
    def key(self):
        return self.name or self.folder


def c(sources="module.c table.c", more="", compiler="cc", flags=""):
    return " ".join(filter(None, [compiler, HIDDEN, flags, "-o module.so", sources, more]))


JVM = "/usr/lib/jvm/default-java"
RUST = "rustc --crate-type cdylib -O -o module.so module.rs"

ROWS = [
    Row("c", "C", "gcc", c(), ordinary=True),
    Row("cxx", "C++", "g++", c("module.cc", "-static-libstdc++ -static-libgcc", "c++"), ordinary=True),
    Row("cxx", "C++, with the shared libstdc++", "g++", c("module.cc", compiler="c++"), name="cxx-shared", ordinary=True),
    Row("cxx", "C++, by a plain line", "g++", "c++ -shared -fPIC -I include -o module.so module.cc", name="cxx-plain", ordinary=True,
        first="unique-symbols"),
    Row("c", "C, with -ffast-math", "gcc", c(flags="-O2 -ffast-math"), name="c-fast-math", ordinary=True),
    Row("c", "C, with AddressSanitizer", "gcc", c(flags="-fsanitize=address"), name="c-asan", ordinary=True, first="sanitizer"),
    Row("c", "C, for musl", "musl-tools", c(compiler="musl-gcc"), name="c-musl", first="it is built for musl"),
    Row("openmp", "OpenMP", "gcc", c(flags="-fopenmp"), ordinary=True, libraries="libgomp", threads=2),
    Row("gobject", "GObject types in C", "libglib2.0-dev", c(more="$(pkg-config --cflags --libs gobject-2.0)"), ordinary=True,
        second="has registered with this process", images=1, libraries="libgobject-2.0"),
    Row("fortran", "Fortran", "gfortran", c("module.f90 table.c", compiler="gfortran"), libraries="libgfortran"),
    Row("rust", "Rust", "rustc", RUST, fails=("panic", "it panicked")),
    Row("go", "Go", "golang-go", "go build -buildmode=c-shared -o module.so .", images=2, again=GOES_ON, threads=12, handlers="SIGBUS SIGFPE SIGPIPE SIGSEGV SIGURG", notice="the handler of SIGSEGV"),
    Row("tbb", "oneTBB", "libtbb-dev g++", c("module.cc table.c", "-ltbb", "c++"),
        libraries="libtbb", threads=1),
    Row("openblas", "OpenBLAS", "libopenblas-dev gcc", c(more="-lopenblas"), libraries="libopenblas", threads=1),
    Row("ada", "Ada", "gnat",
        "gcc -c -fPIC answer.adb\ngnatbind -n -Lada_ answer.ali\ngcc -c -fPIC b~answer.adb\n" +
        c("answer.o b~answer.o begin.c table.c", "$(gcc -print-file-name=adalib)/libgnat_pic.a", "gcc")),
    Row("d", "D, by gdc", "gdc", c("module.d table.c", compiler="gdc"), name="d-gdc", libraries="libgphobos", handlers="SIGUSR1 SIGUSR2", notice="the handler of SIGUSR1"),
    Row("d", "D, by ldc", "ldc gcc",
        "cc -c -fPIC -I include table.c\n"
        "ldc2 -shared -relocation-model=pic -L--version-script=include/pinnate/module.map -of=module.so module.d table.o", name="d-ldc", libraries="libdruntime-ldc", handlers="SIGUSR1 SIGUSR2", notice="the handler of SIGUSR1"),
    Row("pascal", "Free Pascal", "fp-compiler", "fpc -Cg -omodule.so module.pas"),
    Row("nim", "Nim", "nim gcc",
        "nim c --app:lib --gc:arc -d:release -d:noSignalHandler --passC:\"-I $PWD/include\" "
        "--passL:-Wl,--version-script=include/pinnate/module.map --nimcache:nimcache -o:module.so module.nim"),
    Row("ocaml", "OCaml", "ocaml-nox",
        "ocamlopt -runtime-variant _pic -output-complete-obj -ccopt '-shared -fPIC -I include "
        "-Wl,--version-script=include/pinnate/module.map' -o module.so module.ml begin.c table.c"),
    Row("cobol", "GnuCOBOL", "gnucobol3 gcc",
        "cobc -C -fstatic-call answer.cob\n" + c("answer.c begin.c table.c", "-lcob"), libraries="libcob"),
    Row("haskell", "Haskell", "ghc gcc",
        f"ghc -dynamic -shared -fPIC -optc-I -optcinclude -optc{STAYS} -optl-Wl,-z,noexecstack "
        "-optl-Wl,--version-script=include/pinnate/module.map -lHSrts-ghc9.0.2 -o module.so Answer.hs begin.c table.c", again=GOES_ON, images=2, libraries="libHSrts", executable_stacks=True),
    Row("lua", "Lua", "liblua5.4-dev gcc", c(more="$(pkg-config --cflags --libs lua5.4)"), libraries="liblua5.4"),
    Row("duktape", "JavaScript, by Duktape", "duktape-dev gcc", c(more="-lduktape"), libraries="libduktape"),
    Row("mruby", "Ruby, by mruby", "libmruby-dev gcc", c(more="-lmruby -lm")),
    Row("guile", "Scheme, by Guile", "guile-3.0-dev gcc", c(more="$(pkg-config --cflags --libs guile-3.0)"), libraries="libguile-3.0", threads=4, descriptors=8, handlers="SIGPWR SIGXCPU", notice="the handler of SIGPWR"),
    Row("chicken", "Scheme, by Chicken", "libchicken-dev chicken-bin gcc", "chicken answer.scm -output-file answer.c\n" +
        c("answer.c begin.c own_thread.c", "-D_GNU_SOURCE -DHAVE_CHICKEN_CONFIG_H -I /usr/include/chicken -lchicken"), second="its runtime cannot be begun", libraries="libchicken"),
    Row("ecl", "Common Lisp, by ECL", "ecl gcc", c("module.c own_thread.c", "-lecl"), libraries="libecl", threads=1, handlers="SIG36 SIGPWR SIGXCPU", notice="the handler of SIGPWR"),
    Row("python", "Python", "python3-dev gcc", c(more="$(python3-config --includes) $(python3-config --ldflags --embed)"), libraries="libpython3.11"),
    Row("python", "Python that finalizes", "python3-dev gcc",
        c(flags=TURNS + " -DFINALIZE", more="$(python3-config --includes) $(python3-config --ldflags --embed)"), name="python-finalizes",
        libraries="libpython3.11"),
    Row("perl", "Perl", "libperl-dev gcc", c(more="$(perl -MExtUtils::Embed -e ccopts -e ldopts)"), libraries="libperl"),
    Row("ruby", "Ruby", "ruby-dev gcc", c("module.c own_thread.c", "$(pkg-config --cflags --libs ruby-3.1)"), libraries="libruby-3.1", second="its runtime cannot be begun", descriptors=2),
    Row("tcl", "Tcl", "tcl-dev gcc", c("module.c own_thread.c", "$(pkg-config --cflags --libs tcl)"), libraries="libtcl8.6"),
    Row("r", "R", "r-base-dev gcc", c("module.c own_thread.c", flags=TURNS, more="-I /usr/share/R/include -L/usr/lib/R/lib -lR"), libraries="libR", threads=1),
    Row("prolog", "Prolog, by SWI-Prolog", "swi-prolog-nox gcc", c("module.c own_thread.c", "$(pkg-config --cflags --libs swipl)"), libraries="libswipl"),
    Row("jvm", "Java", "openjdk-17-jdk-headless default-jdk-headless gcc", publish=("--allow", "registry"), build=
        "javac Answer.java\n" + c(more=f"-I {JVM}/include -I {JVM}/include/linux -L{JVM}/lib/server -Wl,-rpath,{JVM}/lib/server -ljvm"), images=2, libraries="libjvm", threads=24, descriptors=1, handlers="SIGBUS SIGFPE SIGILL SIGSEGV SIGUSR2 SIGXFSZ", notice="the handler of SIGSEGV"),
    Row("vala", "Vala", "valac gcc", "valac -C --vapidir=. module.vala\n" + c(more="$(pkg-config --cflags --libs glib-2.0)"), libraries="libglib-2.0"),
    Row("protobuf", "Protocol Buffers", "libprotobuf-dev protobuf-compiler g++",
        "protoc --cpp_out=. counter.proto\n" + c("module.cc counter.pb.cc table.c", "-lprotobuf", "c++"), second="has registered with this process", images=1, libraries="libprotobuf"),
    Row("protobuf", "Protocol Buffers, LITE_RUNTIME", "libprotobuf-dev protobuf-compiler g++",
        "protoc --cpp_out=. counter_lite.proto\n" + c("module.cc counter_lite.pb.cc table.c", "-lprotobuf-lite", "c++", "-DLITE"),
        name="protobuf-lite", libraries="libprotobuf-lite"),
    Row("objc", "Objective-C", "gobjc", c("module.m table.c", "-lobjc", "gcc"), second="has registered with this process", images=1, libraries="libobjc"),
]

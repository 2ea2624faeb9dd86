#!/usr/bin/env bash
# A thread_local with a destructor keeps its object mapped after dlclose, and the end of the thread
# does not unmap it either: only another dlclose does.
#
# Once a thread has used such a variable, glibc counts its pending destructor, and dlclose
# (which returns 0) leaves the object. When the thread ends, the destructor runs and the count
# falls, but nothing is unmapped until something else is closed, be it an unrelated library. On a
# thread that never ends the object stays for ever. C++ (thread_local) and Rust (thread_local! of a
# type with drop) meet here: a Rust cdylib looks unloadable until a function uses such a variable.
#
# Versions: gcc 12.2.0, glibc 2.36, rustc 1.63.0 of Debian 12. Source: glibc
# stdlib/cxa_thread_atexit_impl.c and elf/dl-close.c; Rust's std::thread::LocalKey.
#
# Right for a host: "closed" is not "unmapped". It looks in the list of objects (dl_iterate_phdr),
# counts what stays, and looks again after later closes. create and destroy of modules run on
# threads that end, or one knows that they keep objects.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 g++-12=12.2.0-14+deb12u1 \
  libllvm14=1:14.0.6-12
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.cc <<'END'
struct closing {
  int value = 1;
  ~closing() { value = 0; }
};
static thread_local closing variable;
extern "C" int idle() { return 1; }
extern "C" int used() { return variable.value; }
END
echo '{ global: idle; used; local: *; };' > map
g++-12 -shared -fPIC -static-libstdc++ -static-libgcc -Wl,--version-script=map -o cxx.so module.cc
cat > module.rs <<'END'
use std::cell::RefCell;
thread_local! { static VARIABLE: RefCell<Vec<i32>> = RefCell::new(vec![1]); }
#[no_mangle]
pub extern "C" fn idle() -> i32 { 1 }
#[no_mangle]
pub extern "C" fn used() -> i32 { VARIABLE.with(|v| v.borrow()[0]) }
END
for package in rustc libstd-rust-dev libstd-rust-1.63; do
  apt-get -qq -o APT::Sandbox::User=root download $package=1.63.0+dfsg1-2
  dpkg -x ${package}_*.deb rust
done
LD_LIBRARY_PATH=$PWD/rust/usr/lib/x86_64-linux-gnu rust/usr/bin/rustc -C linker=gcc-12 --crate-type=cdylib -O \
  -o rust.so module.rs
cat > host.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char *path, *function;

static const char *mapped(void) {
  char line[4096];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) found |= strstr(line, path + 1) != NULL;
  fclose(maps);
  return found ? "mapped" : "gone";
}

static void *run(void *nothing) {
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ((int (*)(void))dlsym(object, function))();
  printf("%s, %s: dlclose %d", path, function, dlclose(object));
  printf(", %s", mapped());
  return nothing;
}

int main(int arguments, char **argument) {
  pthread_t thread;
  path = argument[arguments - 2];
  function = argument[arguments - 1];
  pthread_create(&thread, NULL, run, NULL);
  pthread_join(thread, NULL);
  printf(", the thread has ended: %s", mapped());
  dlclose(dlopen("libutil.so.1", RTLD_NOW));
  printf(", another library is closed: %s\n", mapped());
}
END
gcc-12 -o host host.c
for object in ./cxx.so ./rust.so; do ./host $object idle && ./host $object used; done > seen
cat > expected <<'END'
./cxx.so, idle: dlclose 0, gone, the thread has ended: gone, another library is closed: gone
./cxx.so, used: dlclose 0, mapped, the thread has ended: mapped, another library is closed: gone
./rust.so, idle: dlclose 0, gone, the thread has ended: gone, another library is closed: gone
./rust.so, used: dlclose 0, mapped, the thread has ended: mapped, another library is closed: gone
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }

// libuv closes its descriptors behind TSan's back (by syscall), so that a descriptor number used
// again on another thread looks like a race with libuv's epoll_wait on the one before. Leaves out
// what libuv itself calls; what it calls back stays in.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libuv.so.1\n"; }

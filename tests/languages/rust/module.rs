// A panic that leaves an `extern "C"` function aborts the process: catch_unwind makes it a failure
// of the call.
use std::ffi::{c_char, c_int, c_void, CString};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU32, Ordering};

#[repr(C)]
pub struct Host {
    size: usize,
    context: *mut c_void,
    log: extern "C" fn(*mut c_void, c_int, *const c_char),
    allocate: extern "C" fn(*mut c_void, usize) -> *mut c_void,
    release: extern "C" fn(*mut c_void, *mut c_void),
    remaining_ms: extern "C" fn(*const c_void) -> u32,
    answer: extern "C" fn(*mut c_void, *const c_void, usize),
    fail: extern "C" fn(*mut c_void, *const c_char),
}

#[repr(C)]
pub struct Descriptor {
    size: usize,
    abi: u32,
    flags: u32,
    create: extern "C" fn(*const Host, *const c_void, usize, *mut *mut c_void, *mut c_char, usize) -> c_int,
    call: extern "C" fn(*mut c_void, *mut c_void, *const u8, usize),
    check_health: *const c_void,
    destroy: extern "C" fn(*mut c_void),
}
unsafe impl Sync for Descriptor {}

static CALLS: AtomicU32 = AtomicU32::new(0);

fn answer(payload: &[u8]) -> String {
    if payload == b"panic" {
        panic!("as it was told");
    }
    format!("{} {}", "1.0.0", CALLS.fetch_add(1, Ordering::Relaxed) + 1)
}

extern "C" fn create(host: *const Host, _: *const c_void, _: usize, service: *mut *mut c_void, _: *mut c_char, _: usize) -> c_int {
    unsafe { *service = host as *mut c_void };
    0
}

extern "C" fn call(service: *mut c_void, reply: *mut c_void, payload: *const u8, payload_bytes: usize) {
    let host = unsafe { &*(service as *const Host) };
    let payload = if payload_bytes == 0 { &[] } else { unsafe { std::slice::from_raw_parts(payload, payload_bytes) } };
    match catch_unwind(|| answer(payload)) {
        Ok(text) => (host.answer)(reply, text.as_ptr() as *const c_void, text.len()),
        Err(_) => (host.fail)(reply, CString::new("it panicked").unwrap().as_ptr()),
    }
}

extern "C" fn destroy(_: *mut c_void) {}

// PINNATE_CLEANS_UP: std links pthread_key_create, and does not use it on Linux.
const CLEANS_UP: u32 = 8;

#[no_mangle]
pub static pinnate_module: Descriptor = Descriptor {
    size: std::mem::size_of::<Descriptor>(), abi: 1, flags: CLEANS_UP, create, call, check_health: std::ptr::null(), destroy,
};

//! A Pinnate module in Rust: it answers each call with its payload.
#![allow(dead_code, non_upper_case_globals)]

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::catch_unwind;

/// Answers one call, or says why not. A panic is caught, and fails the call too.
fn handle(payload: &[u8]) -> Result<Vec<u8>, String> {
    Ok(payload.to_vec())
}

// ---- what pinnate/module.h declares, as far as it is used here ----

#[repr(C)]
pub struct Reply {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Host {
    size: usize,
    context: *mut c_void,
    log: unsafe extern "C" fn(*mut c_void, c_int, *const c_char),
    allocate: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    release: unsafe extern "C" fn(*mut c_void, *mut c_void),
    remaining_ms: unsafe extern "C" fn(*const Reply) -> u32,
    answer: unsafe extern "C" fn(*mut Reply, *const c_void, usize),
    fail: unsafe extern "C" fn(*mut Reply, *const c_char),
    // More functions follow. The host owns the table.
}

#[repr(C)]
pub struct Descriptor {
    size: usize,
    abi: u32,
    flags: u32,
    create: unsafe extern "C" fn(*const Host, *const c_void, usize, *mut *mut c_void, *mut c_char, usize) -> c_int,
    call: unsafe extern "C" fn(*mut c_void, *mut Reply, *const c_void, usize),
    check_health: Option<unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> c_int>,
    destroy: unsafe extern "C" fn(*mut c_void),
}

const CLEANS_UP: u32 = 8; // std names pthread_key_create, and makes no key where glibc is

// ---- the module ----

struct Service {
    host: &'static Host, // lives until `destroy` has returned
}

unsafe extern "C" fn create(
    host: *const Host,
    _config: *const c_void,
    _config_bytes: usize,
    service: *mut *mut c_void,
    _error: *mut c_char,
    _error_bytes: usize,
) -> c_int {
    *service = Box::into_raw(Box::new(Service { host: &*host })).cast();
    0
}

unsafe extern "C" fn call(service: *mut c_void, reply: *mut Reply, payload: *const c_void, bytes: usize) {
    let host = (*service.cast::<Service>()).host;
    let payload = if bytes == 0 { &[] } else { std::slice::from_raw_parts(payload.cast::<u8>(), bytes) };
    match catch_unwind(|| handle(payload)).unwrap_or_else(|_| Err("it panicked".to_string())) {
        Ok(answer) => (host.answer)(reply, answer.as_ptr().cast(), answer.len()),
        Err(words) => (host.fail)(reply, CString::new(words.replace('\0', " ")).unwrap_or_default().as_ptr()),
    }
}

unsafe extern "C" fn destroy(service: *mut c_void) {
    drop(Box::from_raw(service.cast::<Service>()));
}

#[no_mangle]
pub static pinnate_module: Descriptor = Descriptor {
    size: std::mem::size_of::<Descriptor>(),
    abi: 1,
    flags: CLEANS_UP,
    create,
    call,
    check_health: None,
    destroy,
};

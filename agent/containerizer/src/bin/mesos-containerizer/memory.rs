//! What the compiler takes for granted in every program: memory functions and a panic handler.
//!
//! The bodies are plain loops; `no_builtins` in `main.rs` keeps the compiler from turning them
//! into calls of themselves.

#![expect(
    unsafe_code,
    reason = "the compiler calls these with raw pointers; no C library is here"
)]

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // Nothing in this program panics; should it, the status pipe closes and the agent sees
    // this exit status.
    crate::sys::exit(134)
}

/// The core library, which is compiled for unwinding too, names this; with panics that abort
/// nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// # Safety
/// As C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    for index in 0..length {
        // SAFETY: the caller vouches for `length` bytes at both places.
        unsafe { *to.add(index) = *from.add(index) };
    }
    to
}

/// # Safety
/// As C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if to.cast_const() <= from {
        // SAFETY: forward copying reads each byte before it is overwritten.
        return unsafe { memcpy(to, from, length) };
    }
    for index in (0..length).rev() {
        // SAFETY: the caller vouches for `length` bytes at both places.
        unsafe { *to.add(index) = *from.add(index) };
    }
    to
}

/// # Safety
/// As C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    for index in 0..length {
        // SAFETY: the caller vouches for `length` bytes.
        unsafe { *to.add(index) = byte as u8 };
    }
    to
}

/// # Safety
/// As C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: the caller vouches for `length` bytes at both places.
        let (left, right) = unsafe { (*left.add(index), *right.add(index)) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// # Safety
/// As C's `bcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(left, right, length) }
}

/// # Safety
/// As C's `strlen`.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller vouches for a NUL at the end.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    length
}

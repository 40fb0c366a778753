//! The first instruction of the process, and its arguments.

#![expect(
    unsafe_code,
    reason = "there is no C library to set up the stack and find the arguments"
)]

use core::arch::global_asm;
use core::ffi::{CStr, c_char};

// The kernel enters here with the stack pointer at the argument count. The stack must be
// aligned to 16 bytes for what follows, and nothing may return.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "mov rdi, rsp", "and rsp, -16", "call {0}", "ud2", sym entry);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x0, sp", "bl {0}", "brk #0", sym entry);

/// # Safety
/// `stack` is the initial stack pointer of the process: the argument count, then as many
/// pointers to NUL-terminated strings, which live as long as the process.
unsafe extern "C" fn entry(stack: *const usize) -> ! {
    // SAFETY: see above.
    let count = unsafe { *stack };
    let arguments = (1..=count).map(|index| {
        // SAFETY: see above; `index` is at most the count.
        unsafe { CStr::from_ptr(*stack.add(index) as *const c_char) }
    });
    crate::sys::exit(crate::run(arguments.skip(1)))
}

//! System calls without a C library, each behind a function that is safe to use but for one.

#![expect(unsafe_code, reason = "system calls without a C library")]

use core::arch::asm;
use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr;
use core::slice;

use linux_raw_sys::errno;
use linux_raw_sys::general::{self as linux, rlimit64};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!(
    "this crate makes its system calls itself and knows how on x86_64 and aarch64; \
     add this processor to `call`, and to entry.rs of mesos-containerizer"
);

/// The kernel's reason for refusing a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(u32);

impl Errno {
    /// The launch info makes no sense.
    pub const INVALID: Errno = Errno(errno::EINVAL);
    /// There is no such file.
    pub const NOT_FOUND: Errno = Errno(errno::ENOENT);
    /// A part of the path that ought to be a directory is none.
    pub const NOT_A_DIRECTORY: Errno = Errno(errno::ENOTDIR);
    /// The file is executable but of no known format.
    pub const NOT_EXECUTABLE: Errno = Errno(errno::ENOEXEC);

    /// The number by which the C library knows it too.
    pub fn number(self) -> i32 {
        self.0 as i32
    }
}

/// An open file's number.
#[derive(Debug, Clone, Copy)]
pub struct Fd(usize);

impl Fd {
    /// Standard input.
    pub const STDIN: Fd = Fd(0);
    /// Standard output.
    pub const STDOUT: Fd = Fd(1);
    /// Standard error.
    pub const STDERR: Fd = Fd(2);
}

/// Makes system call `number`.
///
/// # Safety
/// The arguments must be what that call expects: a pointer among them must be valid for what
/// the kernel reads or writes there.
unsafe fn call(number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel changes no register but these, and memory only as the caller allows.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number as usize,
            inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack)
        );
    }
    // The kernel answers errors as -4095..=-1.
    if (-4095..0).contains(&result) {
        Err(Errno(result.unsigned_abs() as u32))
    } else {
        Ok(result as usize)
    }
}

/// Ends the process.
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: takes no pointer.
        let _ = unsafe { call(linux::__NR_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Writes `bytes`, few enough for one call. Who would be told of an error is who does not read.
pub fn write(file: Fd, bytes: &[u8]) {
    // SAFETY: the kernel reads `bytes`.
    let _ = unsafe {
        call(
            linux::__NR_write,
            [file.0, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0],
        )
    };
}

/// What [`copy`] makes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The process that was copied.
    Original,
    /// Its copy.
    Copy,
}

/// Copies this process as fork(2) does, but the copy is a child of this process' parent.
///
/// # Errors
/// The kernel has no process to give, or knows no such copies.
///
/// # Safety
/// This process has one thread. The C library, if there is one, is not told: what it keeps for
/// fork(3), such as the thread's number for locks that know their owner, stays the original's.
pub unsafe fn copy() -> Result<Copied, Errno> {
    let flags = (linux::CLONE_PARENT | linux::SIGCHLD) as usize;
    // SAFETY: without new memory or a new stack the copy goes on where this process does.
    let pid = unsafe { call(linux::__NR_clone, [flags, 0, 0, 0, 0, 0]) }?;
    Ok(match pid {
        0 => Copied::Copy,
        _ => Copied::Original,
    })
}

/// Closes all files but the three standard ones.
///
/// # Safety
/// Nobody uses any of them again.
pub unsafe fn close_above_standard() -> Result<(), Errno> {
    const FIRST: usize = 3;
    let all = [FIRST, u32::MAX as usize, 0, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_close_range, all) }.map(drop)
}

/// Duplicates `file` to a number above the three standard ones, closed on exec, and sees to it
/// that no other file reaches the command.
pub fn duplicate_above_standard(file: Fd) -> Result<Fd, Errno> {
    const FIRST: usize = 3;
    // `linux-raw-sys` leaves this one out.
    const CLOSE_RANGE_CLOEXEC: usize = 1 << 2;
    let all = [FIRST, u32::MAX as usize, CLOSE_RANGE_CLOEXEC, 0, 0, 0];
    // SAFETY: takes no pointer. Kernels before 5.9 do not know this call; there the agent's own
    // close-on-exec marks must do.
    let _ = unsafe { call(linux::__NR_close_range, all) };
    let arguments = [file.0, linux::F_DUPFD_CLOEXEC as usize, FIRST, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_fcntl, arguments) }.map(Fd)
}

/// Puts `file` in the place of `standard`, open across exec, and under no other number.
pub fn put(file: Fd, standard: Fd) -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_dup3, [file.0, standard.0, 0, 0, 0, 0]) }?;
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_close, [file.0, 0, 0, 0, 0, 0]) }.map(drop)
}

/// Opens a file for reading, closed on exec.
pub fn open_read(path: &CStr) -> Result<Fd, Errno> {
    open(path, linux::O_RDONLY)
}

/// Opens a file for appending, closed on exec, and creates it if need be. A symbolic link is
/// refused: the sandbox is not ours alone.
pub fn open_append(path: &CStr) -> Result<Fd, Errno> {
    open(
        path,
        linux::O_WRONLY | linux::O_CREAT | linux::O_APPEND | linux::O_NOFOLLOW,
    )
}

fn open(path: &CStr, flags: u32) -> Result<Fd, Errno> {
    const MODE: usize = 0o644;
    let flags = (flags | linux::O_NOCTTY | linux::O_CLOEXEC) as usize;
    let here = linux::AT_FDCWD as isize as usize;
    // SAFETY: the kernel reads `path` up to its NUL.
    unsafe {
        call(
            linux::__NR_openat,
            [here, path.as_ptr() as usize, flags, MODE, 0, 0],
        )
    }
    .map(Fd)
}

/// Makes this process the leader of a new session, without a terminal.
pub fn new_session() -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_setsid, [0; 6]) }.map(drop)
}

/// Makes `path` the working directory.
pub fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads `path` up to its NUL.
    unsafe { call(linux::__NR_chdir, [path.as_ptr() as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

/// Sets a resource limit of this process.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = rlimit64 {
        rlim_cur: soft,
        rlim_max: hard,
    };
    let arguments = [0, resource as usize, &raw const limit as usize, 0, 0, 0];
    // SAFETY: the kernel reads `limit` and is asked for no old value.
    unsafe { call(linux::__NR_prlimit64, arguments) }.map(drop)
}

/// Sets the supplementary groups.
pub fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    let arguments = [groups.len(), groups.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel reads `groups`.
    unsafe { call(linux::__NR_setgroups, arguments) }.map(drop)
}

/// Sets the real, effective and saved group.
pub fn set_group(group: u32) -> Result<(), Errno> {
    let group = group as usize;
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_setresgid, [group, group, group, 0, 0, 0]) }.map(drop)
}

/// Sets the real, effective and saved user.
pub fn set_user(user: u32) -> Result<(), Errno> {
    let user = user as usize;
    // SAFETY: takes no pointer.
    unsafe { call(linux::__NR_setresuid, [user, user, user, 0, 0, 0]) }.map(drop)
}

/// Executes `program` in the place of this one; returns only with the reason why not. Both
/// lists end with a null pointer.
pub fn execute(program: &CStr, arguments: &[Pointer<'_>], variables: &[Pointer<'_>]) -> Errno {
    let ended = |list: &[Pointer<'_>]| list.last().is_some_and(|last| last.address.is_null());
    if !ended(arguments) || !ended(variables) {
        return Errno::INVALID;
    }
    let arguments = [
        program.as_ptr() as usize,
        arguments.as_ptr() as usize,
        variables.as_ptr() as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads the strings, and the lists up to their null pointer.
    match unsafe { call(linux::__NR_execve, arguments) } {
        Err(errno) => errno,
        Ok(_) => Errno::INVALID,
    }
}

/// The whole of `file` in memory.
pub fn map_file(file: Fd) -> Result<Mapping, Errno> {
    // SAFETY: takes no pointer.
    let end = unsafe {
        call(
            linux::__NR_lseek,
            [file.0, 0, linux::SEEK_END as usize, 0, 0, 0],
        )
    }?;
    Mapping::map(end, linux::MAP_PRIVATE, file)
}

/// Memory of its own pages, kept until the process executes or ends.
pub struct Mapping {
    start: *mut u8,
    length: usize,
}

impl Mapping {
    /// `length` bytes, all zero.
    pub fn new(length: usize) -> Result<Mapping, Errno> {
        let nowhere = Fd(usize::MAX);
        Mapping::map(length, linux::MAP_PRIVATE | linux::MAP_ANONYMOUS, nowhere)
    }

    fn map(length: usize, flags: u32, file: Fd) -> Result<Mapping, Errno> {
        if length == 0 {
            return Ok(Mapping {
                start: ptr::NonNull::<Pointer<'_>>::dangling().as_ptr().cast(),
                length,
            });
        }
        let protection = (linux::PROT_READ | linux::PROT_WRITE) as usize;
        let arguments = [0, length, protection, flags as usize, file.0, 0];
        // SAFETY: the kernel chooses an address where nothing is.
        let start = unsafe { call(linux::__NR_mmap, arguments) }?;
        Ok(Mapping {
            start: start as *mut u8,
            length,
        })
    }

    /// The memory as bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping has this length and is private to this process.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }

    /// The memory as numbers.
    pub fn words(&mut self) -> &mut [u32] {
        // SAFETY: as above; pages are aligned for any type, and any bits are a number.
        unsafe { slice::from_raw_parts_mut(self.start.cast(), self.length / size_of::<u32>()) }
    }

    fn pointers<'a>(&self) -> &[Pointer<'a>] {
        // SAFETY: as above; all bits zero is the null pointer, and only `Strings` writes others.
        unsafe { slice::from_raw_parts(self.start.cast(), self.length / size_of::<Pointer<'a>>()) }
    }

    fn pointers_mut<'a>(&mut self) -> &mut [Pointer<'a>] {
        // SAFETY: as above.
        unsafe {
            slice::from_raw_parts_mut(self.start.cast(), self.length / size_of::<Pointer<'a>>())
        }
    }
}

/// A string as `execve` takes it, or the null pointer that ends a list of them.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Pointer<'a> {
    address: *const c_char,
    borrowed: PhantomData<&'a CStr>,
}

impl<'a> Pointer<'a> {
    fn new(text: &'a CStr) -> Self {
        Pointer {
            address: text.as_ptr(),
            borrowed: PhantomData,
        }
    }
}

/// A list of strings, ended by a null pointer.
pub struct Strings<'a> {
    memory: Mapping,
    borrowed: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// Collects `texts`.
    pub fn collect(texts: impl Iterator<Item = &'a CStr> + Clone) -> Result<Self, Errno> {
        let length = texts.clone().count() + 1;
        let mut memory = Mapping::new(length * size_of::<Pointer<'a>>())?;
        for (slot, text) in memory.pointers_mut().iter_mut().zip(texts) {
            *slot = Pointer::new(text);
        }
        Ok(Strings {
            memory,
            borrowed: PhantomData,
        })
    }

    /// Replaces the string at `index`, if there is one.
    pub fn set(&mut self, index: usize, text: &'a CStr) {
        if let Some(slot) = self.memory.pointers_mut().get_mut(index)
            && !slot.address.is_null()
        {
            *slot = Pointer::new(text);
        }
    }

    /// The strings and the null pointer at the end.
    pub fn pointers(&self) -> &[Pointer<'a>] {
        self.memory.pointers()
    }
}

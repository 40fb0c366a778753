//! I10: nothing panics. An actor that does dies in silence under tokio; the hook hears it.

use std::cell::RefCell;
use std::sync::Once;
use std::time::Duration;

use super::{Findings, Invariant, Sight};

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Has panics of simulations told to their auditors: each runs on one thread.
pub fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
            before(panic);
        }));
    });
    PANICS.with_borrow_mut(Vec::clear);
}

pub struct Panics;

impl Invariant for Panics {
    const NAME: &'static str = "panics";

    fn look(&mut self, _: Duration, _: &Sight<'_>, found: &mut Findings) {
        for panic in PANICS.with_borrow_mut(std::mem::take) {
            found.say(panic);
        }
    }
}

//! Web pages, rendered on the server: each a pure function of what it shows. One small
//! script keeps a page live; no other host is ever asked for anything.

mod format;
mod overview;

pub use overview::{
    AgentRow, FrameworkRow, Overview, ResourceRow, TaskRow, Tasks, render as render_overview,
};

/// A file that pages refer to, by its name below `/assets/`: its media type and content.
pub fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    match name {
        "style.css" => Some((
            "text/css; charset=utf-8",
            include_bytes!("../assets/style.css"),
        )),
        "live.js" => Some((
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/live.js"),
        )),
        "icon.svg" => Some(("image/svg+xml", include_bytes!("../assets/icon.svg"))),
        _ => None,
    }
}

//! Worlds of the fast lane.

use super::Lane;

const fn world(says: &'static [&'static str]) -> Lane {
    Lane { says, edits: 0, dies: "", late: false, losses: 0, off: false, without: None }
}

/// Small worlds, one question each. What the first document says is in the PIM and the shop when
/// all begins.
#[must_use]
pub fn small() -> Vec<(&'static str, Lane)> {
    vec![
        ("a price changes twice", world(&["a1", "a2", "a3"])),
        ("a price races content", world(&["a1", "a2", "b3"])),
        ("content races a price", world(&["a1", "b2", "b3"])),
        ("content comes back with another price", world(&["a1", "b2", "a3"])),
        ("a price comes back", world(&["a1", "a2", "a1"])),
        ("a person saves while a price is on its way", Lane { edits: 1, ..world(&["a1", "a2"]) }),
        ("a person saves while a price races content", Lane { edits: 1, ..world(&["a1", "a2", "b3"]) }),
        ("a person saves, the lane is off for who pushes", Lane { edits: 1, off: true, ..world(&["a1", "a2"]) }),
        ("who brings it to the PIM dies", Lane { dies: "b", ..world(&["a1", "a2"]) }),
        ("who pushes it dies", Lane { dies: "p", ..world(&["a1", "a2"]) }),
        ("content reaches the PIM late", Lane { dies: "b", late: true, ..world(&["a1", "b2", "a3"]) }),
        ("a price reaches the PIM late", Lane { dies: "b", late: true, ..world(&["a1", "a2", "a3"]) }),
        ("content comes back, a message is lost", Lane { losses: 1, ..world(&["a1", "b2", "a3"]) }),
        ("content follows a price, a message is lost", Lane { losses: 1, ..world(&["a1", "a2", "b3"]) }),
        ("a message is lost", Lane { losses: 1, ..world(&["a1", "a2"]) }),
    ]
}

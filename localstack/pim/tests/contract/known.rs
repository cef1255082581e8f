//! What the stand-in does not reproduce, and why.

use crate::report::Known;

const fn no_exchange(name: &'static str, reason: &'static str) -> Known {
    Known { name, counts: false, reason }
}

const fn different(name: &'static str, reason: &'static str) -> Known {
    Known { name, counts: true, reason }
}

/// Of the catalog model.
pub(crate) static CATALOG: [Known; 6] = [
    no_exchange("05-timings", "timings of the real instance"),
    no_exchange("13-timings", "timings of the real instance"),
    no_exchange("15-timings", "timings of the real instance"),
    no_exchange("17-concurrent-category-create", "a race; the test of concurrent creates covers it"),
    no_exchange("19-race-*", "statistics of races that the stand-in, which locks while it saves, does not have"),
    no_exchange("21a-admin-get-object", "what the admin UI loads; the stand-in has a page of its own"),
];

//! A function that dies (of memory, of its timeout) says nothing: its leases expire. Each takeover
//! of an expired lease counts one death of the product's stage; completing and new content take the
//! count back.
//!
//! A batch that died says nothing of which of its products did it. So those that have seen enough
//! deaths are claimed and worked on one at a time, after everybody else was recorded and those with
//! fewer deaths before those with more: then a death is that of the one at work, and the others
//! lose nothing by it.

/// Deaths after which a product is worked on alone.
pub const ALONE_FROM: i64 = 2;
/// Deaths while it was worked on alone after which it is set aside.
pub const ALONE_TIMES: i64 = 3;

/// How a product is to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// As any other.
    Together,
    /// By itself, when all others are recorded.
    Alone,
    /// Not at all: whoever works on it dies.
    SetAside,
}

/// How a product is to be handled whose stage has seen so many deaths.
#[must_use]
pub const fn care(deaths: i64) -> Care {
    match deaths {
        i64::MIN..ALONE_FROM => Care::Together,
        _ if deaths < ALONE_FROM + ALONE_TIMES => Care::Alone,
        _ => Care::SetAside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_deaths_together_and_three_alone_are_enough() {
        let table = [
            (0, Care::Together),
            (1, Care::Together),
            (2, Care::Alone),
            (3, Care::Alone),
            (4, Care::Alone),
            (5, Care::SetAside),
            (9, Care::SetAside),
        ];
        for (deaths, expected) in table {
            assert_eq!(care(deaths), expected, "{deaths}");
        }
    }
}

//! The worlds that are checked, and the rules that are taken out.

use super::{Articles, Save};

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// One function at a time writes an article.
    Lease,
    /// Who writes an article reads its members after the claim.
    ClaimFirst,
    /// Who brings a member joins the article before reading who else has.
    JoinFirst,
    /// Where a member may be shown is noted before it joins.
    Heading,
    /// Every article where a member may be shown is written.
    TheOthers,
    /// A member that is in doubt does not forget where else it may be shown.
    ForgetLate,
    /// Only the owner of a member notes where it may be shown.
    OwnerNotes,
    /// Who finds an article leased gives its member back and comes again.
    ComesBack,
    /// What the article shows of a member is noted at the article, and not at the member.
    ArticleNotes,
    /// What is noted of an article that somebody holds is not relied on.
    NobodyAtWork,
    /// A walk begins when nobody is left who works by the setting of before.
    Settles,
    /// A walk makes products pending before it announces them.
    WalkCounts,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 12] = [
    Without::Lease,
    Without::ClaimFirst,
    Without::JoinFirst,
    Without::Heading,
    Without::TheOthers,
    Without::ForgetLate,
    Without::OwnerNotes,
    Without::ComesBack,
    Without::ArticleNotes,
    Without::NobodyAtWork,
    Without::Settles,
    Without::WalkCounts,
];

const fn world(begin: [char; 2], saves: &'static [Save]) -> Articles {
    Articles { begin, saves, switch: None, workers: 2, crashes: 0, stalls: 0, timeouts: 0, losses: 0, without: None }
}

/// Small worlds, one question each.
#[must_use]
pub fn small() -> Vec<(&'static str, Articles)> {
    vec![
        ("two members of one article race", world(['G', 'G'], &[(0, 'G'), (1, 'G')])),
        ("an article comes into being", world([' ', ' '], &[(0, 'G'), (1, 'G')])),
        ("a member leaves while the article is written", world(['G', 'G'], &[(1, 'G'), (0, 'H')])),
        (
            "a member moves and comes back",
            Articles { workers: 1, crashes: 1, ..world(['G', ' '], &[(0, 'H'), (0, 'G')]) },
        ),
        ("a member is changed back while another is brought", world(['G', 'G'], &[(1, 'G'), (0, 'G'), (0, 'g')])),
        ("the last member goes", world(['G', 'G'], &[(0, 'x'), (1, 'x')])),
        ("articles are switched on", world(['-', '-'], &[(0, 'G'), (1, 'G')])),
        ("articles are switched off", world(['G', 'G'], &[(0, '-'), (1, '-')])),
        ("a member moves, a function dies", Articles { crashes: 1, ..world(['G', 'H'], &[(0, 'H')]) }),
        ("two members move, a message is lost", Articles { losses: 1, ..world(['G', 'H'], &[(0, 'H'), (1, 'G')]) }),
        ("a request lands late", Articles { timeouts: 1, ..world(['G', 'G'], &[(0, 'H'), (1, 'G')]) }),
        (
            "the setting is switched off while members arrive",
            Articles { switch: Some(true), ..world(['G', ' '], &[(1, 'G')]) },
        ),
        (
            "the setting is switched on while members arrive",
            Articles { switch: Some(false), ..world(['G', ' '], &[(1, 'G')]) },
        ),
        (
            "the setting is switched on, a message is lost",
            Articles { switch: Some(false), losses: 1, ..world(['G', 'G'], &[]) },
        ),
        (
            "the setting is switched off, a function dies, a member goes",
            Articles { switch: Some(true), workers: 1, crashes: 1, ..world(['G', 'G'], &[(0, 'x')]) },
        ),
        (
            "the setting is switched off, a function stalls",
            Articles { switch: Some(true), workers: 1, stalls: 1, ..world(['G', 'G'], &[(0, 'G')]) },
        ),
        (
            "a member moves and comes back, a function stalls",
            Articles { stalls: 1, ..world(['G', ' '], &[(0, 'H'), (0, 'G')]) },
        ),
    ]
}

/// The same with two faults at once.
#[must_use]
pub fn large() -> Vec<(&'static str, Articles)> {
    vec![
        ("members swap, a function dies", Articles { crashes: 1, ..world(['G', 'H'], &[(0, 'H'), (1, 'G')]) }),
        (
            "a member moves and comes back, one dies, one lands late",
            Articles { crashes: 1, timeouts: 1, ..world(['G', 'G'], &[(0, 'H'), (0, 'G')]) },
        ),
        (
            "articles are switched on, a function stalls",
            Articles { stalls: 1, ..world(['-', '-'], &[(0, 'G'), (1, 'G')]) },
        ),
        (
            "articles are switched on and off, a function dies",
            Articles { crashes: 1, ..world(['-', 'G'], &[(0, 'G'), (0, '-')]) },
        ),
    ]
}

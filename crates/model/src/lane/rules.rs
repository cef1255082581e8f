//! The rules of the lane, of which each is needed.

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// What the PIM shows is of the noted content only if it says so itself.
    AsNoted,
    /// Of another content the stage is complete with what the PIM holds.
    SameContent,
    /// The newest offers are shown in every push, whatever the content.
    EveryPush,
    /// The document is read after the PIM.
    PimFirst,
    /// It is also read where only the shop is known to hold another.
    InShop,
    /// Who did not tell the shop looks whether the product is pending still.
    LooksAgain,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 6] = [
    Without::AsNoted,
    Without::SameContent,
    Without::EveryPush,
    Without::PimFirst,
    Without::InShop,
    Without::LooksAgain,
];

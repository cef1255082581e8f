//! Error codes are constants, listed once per crate.

/// Declares a crate's error codes: a constant for each, and `ALL`, which the table of remedies is
/// held against.
#[macro_export]
macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        $(
            #[doc = concat!("`", $code, "`")]
            pub const $name: &str = $code;
        )*
        /// All of them.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

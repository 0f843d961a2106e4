//! The kill tests: one for each `// CRASH: slug` in product code, by that slug.
//!
//! The story that each plays is below its name; `strace.rs` pulls the plug. The checker is in `tidy/crash_points.rs`.

/// Defines the kill tests: `"slug" => name { body }`. The table [`SLUGS`] and the tests cannot differ.
macro_rules! kill_tests {
    ($($slug:literal => $name:ident $body:block)*) => {
        /// Every slug that has a kill test.
        pub const SLUGS: &[&str] = &[$($slug),*];
        $(#[test] fn $name() $body)*
    };
}

kill_tests! {}

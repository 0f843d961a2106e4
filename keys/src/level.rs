//! Levels of a connection as types (`spec/channels.md`): *verified* and *proven*. *Plain* has no type: it carries nothing.

/// Chain to a trusted root, name matches the host that DNS named.
#[derive(Debug)]
pub enum Verified {}

/// Verified, and the host itself is proven to be the recipient's.
#[derive(Debug)]
pub enum Proven {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Verified {}
    impl Sealed for super::Proven {}
}

/// A level. There are two, and there will be no third from outside.
pub trait Level: private::Sealed + Send + Sync + 'static {
    /// Whether what needs this level may leave only to a host proven for the very recipient it is for.
    const BINDS_RECIPIENT: bool;
}
impl Level for Verified {
    const BINDS_RECIPIENT: bool = false;
}
impl Level for Proven {
    const BINDS_RECIPIENT: bool = true;
}

/// A session of this level may carry what needs level `L`.
pub trait AtLeast<L: Level>: Level {}
impl AtLeast<Verified> for Verified {}
impl AtLeast<Verified> for Proven {}
impl AtLeast<Proven> for Proven {}

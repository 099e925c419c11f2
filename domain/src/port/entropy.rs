//! Random bits, for unique ids. Never the same bits twice.

/// Gives random bits.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Sixteen bytes that MUST be unpredictable and different each time.
    fn bytes(&self) -> [u8; 16];
}

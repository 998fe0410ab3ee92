//! Draft.
pub mod attempt;
pub mod net;
pub mod providers;
pub mod settings;
pub mod target;
pub mod wire;

//! Draft.
pub mod attempt;
pub mod lookup;
pub mod net;
pub mod probe;
pub mod providers;
pub mod report;
pub mod run;
pub mod settings;
pub mod target;
pub mod wire;

//! What the tests share: running the program, and hosts on loopback that it talks to.

pub mod ca;
pub mod command;
pub mod crowd;
pub mod dns;
pub mod folder;
pub mod host;
pub mod hostile;
pub mod mail;
pub mod probe;
pub mod scene;
pub mod schema;
pub mod socks;
pub mod text;
pub mod web;

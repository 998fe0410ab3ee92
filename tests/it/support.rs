//! What the tests share: running the program, and hosts on loopback that it talks to.

pub mod command;
pub mod folder;
pub mod text;
pub mod tiny_dns;

//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod certificates;
mod connections;
mod dialogues;
mod pitfalls;
mod support;
mod tls;

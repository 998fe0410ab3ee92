//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod pitfalls;
mod support;

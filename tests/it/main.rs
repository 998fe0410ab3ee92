//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod cli;
mod cost;
mod golden;
mod input;
mod readme;
mod real;
mod support;

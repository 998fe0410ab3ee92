//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod certificates;
mod cli;
mod connections;
mod consumers;
mod cost;
mod dialogues;
mod formats;
mod golden;
mod input;
mod lookups;
mod pitfalls;
mod policy;
mod readme;
mod real;
mod real_lookup;
mod recipes;
mod regressions;
mod scenarios;
mod schema;
mod support;
mod tls;

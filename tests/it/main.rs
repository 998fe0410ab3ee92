//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod certificates;
mod check;
mod cli;
mod connections;
mod consumers;
mod cost;
mod dialogues;
mod formats;
mod golden;
mod input;
mod lookups;
mod many;
mod pitfalls;
mod places;
mod policy;
mod private;
mod readme;
mod real;
mod real_lookup;
mod recipes;
mod regressions;
mod scenarios;
mod schema;
mod support;
mod tls;

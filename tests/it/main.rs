//! One test binary: a module a topic. `support` runs the real program and plays the hosts it talks to.

mod certificates;
mod cli;
mod connections;
mod cost;
mod dependencies;
mod dialogues;
mod golden;
mod hostile;
mod input;
mod lookups;
mod pitfalls;
mod policy;
mod promises;
mod readme;
mod real;
mod real_lookup;
mod regressions;
mod scenarios;
mod starttls;
mod support;
mod tls;

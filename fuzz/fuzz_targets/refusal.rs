#![no_main]

use libfuzzer_sys::fuzz_target;
use mailcfg_fuzz::properties;

fuzz_target!(|bytes: &[u8]| properties::hold(properties::refusal, bytes));

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailcfg_fuzz::properties;

<<<<<<< HEAD
fuzz_target!(|bytes: &[u8]| properties::refusal(bytes));
=======
fuzz_target!(|bytes: &[u8]| properties::hold(properties::refusal, bytes));
>>>>>>> fuzz-work

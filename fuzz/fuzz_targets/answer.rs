#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| datepalm_fuzz::judged::answer(bytes));

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| datepalm_fuzz::judged::amount(text));

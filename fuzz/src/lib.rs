//! What every parser of foreign bytes promises, as functions that panic when the promise is broken.
//!
//! The fuzz targets call one each; the tests on stable call them all with generated input and with the corpus.

#![forbid(unsafe_code)]

pub mod properties;

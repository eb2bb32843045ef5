//! The inputs of a fuzz target that are kept: read in every test run, written anew when a format changes.
//!
//! Apart because every target's tests do the same with them, and only what a target does with an input is its own.

use std::fs;

/// Runs a target with every input that is kept in a directory.
///
/// # Panics
/// When there is none, or the target panics; then the last line that was printed names the input.
pub fn replay(corpus: &str, run: impl Fn(&[u8])) {
    let entries = fs::read_dir(corpus).expect("the corpus is where it belongs");
    let mut inputs = 0;
    for entry in entries {
        let path = entry.expect("a directory can be read").path();
        println!("{}", path.display());
        run(&fs::read(path).expect("an input can be read"));
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is not where it belongs");
}

/// Keeps an input under a name, in place of an older one of that name.
///
/// # Panics
/// When it cannot be written.
pub fn write_seed(corpus: &str, name: &str, input: &[u8]) {
    fs::create_dir_all(corpus).expect("the corpus can be made");
    fs::write(format!("{corpus}/{name}"), input).expect("a seed can be written");
}

//! Counts checks and prints one line for each as it ends.
//!
//! Apart so that whoever runs checks cannot miscount them.

use std::time::Duration;

use crate::clock;

/// The checks so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
    failed_elsewhere: usize,
    scope: String,
    since: Option<std::time::Instant>,
    /// Lines that are printed when another report takes this one over.
    held: Option<String>,
}

impl Report {
    /// A report for what runs beside others: it prints nothing by itself.
    pub(crate) fn held() -> Self {
        Self { held: Some(String::new()), ..Self::default() }
    }

    fn line(&mut self, line: &str) {
        match &mut self.held {
            Some(held) => {
                held.push_str(line);
                held.push('\n');
            }
            None => println!("{line}"),
        }
    }

    /// Names what the next checks are about.
    pub(crate) fn scope(&mut self, scope: &str) {
        self.line(&format!("\n{scope}"));
        scope.clone_into(&mut self.scope);
        self.since = Some(clock::now());
    }

    /// Counts one check; its time is that since the one before.
    pub(crate) fn check(&mut self, name: String, outcome: anyhow::Result<()>) {
        let now = clock::now();
        let took = self.since.replace(now).map_or(Duration::ZERO, |since| now - since).as_secs_f64();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                self.line(&format!("  ok      {name} ({took:.1} s)"));
            }
            Err(error) => {
                self.line(&format!("  FAILED  {name} ({took:.1} s)\n          {error:#}"));
                self.failed.push(if self.scope.is_empty() {
                    name
                } else {
                    format!("{}: {name}", self.scope)
                });
            }
        }
    }

    /// Says what is not checked and why.
    pub(crate) fn note(&mut self, text: &str) {
        self.line(&format!("  --      {text}"));
    }

    /// Counts checks that another report counted, and prints what it held.
    pub(crate) fn add(&mut self, other: Self) {
        if let Some(held) = &other.held {
            print!("{held}");
        }
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.failed_elsewhere += other.failed_elsewhere;
    }

    /// Adds what another program counted; it has named its failures itself.
    pub(crate) fn add_counts(&mut self, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed_elsewhere += failed;
    }

    /// Prints the failures again and the closing line; whether all passed.
    pub(crate) fn close(&self) -> bool {
        if !self.failed.is_empty() {
            println!("\nFailed:");
            for name in &self.failed {
                println!("  {name}");
            }
        }
        let failed = self.failed.len() + self.failed_elsewhere;
        println!("\n{} passed, {failed} failed", self.passed);
        failed == 0
    }
}

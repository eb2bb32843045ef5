//! What tests and simulations share: a disk that fails in every way a disk can, and the suites that hold it and
//! the real one to the same contract.
//!
//! Apart from the crates under test so that each may use it, and so that none of it is ever in the product.

pub mod sim_disk;

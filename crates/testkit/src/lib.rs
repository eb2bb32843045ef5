//! What tests and simulations share: a disk that fails in every way a disk can, the suites that hold it and the real
//! one to the same contract, histories of what clients saw, the checker that judges them, and a broker for fronts.
//!
//! Apart from the crates under test so that each may use it, and so that none of it is ever in the product.

pub mod broker;
pub mod checker;
pub mod corpus;
pub mod history;
pub mod sim_disk;
pub mod sometimes;
pub mod store_contract;

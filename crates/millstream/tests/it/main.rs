//! The binary as people run it: its configuration, its start, its refusals and its end.
#![allow(clippy::unwrap_used, reason = "in a test, and in what tests call, a panic is the verdict")]

mod agree;
mod amqp;
mod aws;
mod commands;
mod compared;
mod configuration;
mod pages;
mod process;
mod queues;
mod reload;
mod serving;
mod verify;
mod watched;

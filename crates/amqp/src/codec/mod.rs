//! The wire codec of AMQP 0-9-1: frames, methods, content headers and field tables, in both directions.
//!
//! Apart because bytes from peers are judged here and nowhere else: what leaves this module is well formed, and
//! nothing in it was allocated from a length that a peer claimed. Everything is read in place: methods, headers and
//! tables borrow from their frame, bodies are slices of what was read from the socket.
//!
//! Choices where RabbitMQ's codec is the measure:
//!
//! - Short strings and names in tables must be UTF-8, as the protocol says; RabbitMQ takes any bytes. Names are names of
//!   streams here, which are text in every protocol.
//! - Bytes after the last field of a method are an error, as there.
//! - A second word of property flags is an error: there is no property beyond the fourteenth.

mod error;
mod frame;
mod method;
mod properties;
mod reader;
pub mod table;
mod writer;

pub use error::DecodeError;
pub(crate) use frame::Octets;
pub use frame::{
    BASIC, Beginning, FRAME_END, FRAME_HEAD_BYTES, FRAME_OVERHEAD_BYTES, Frame, FrameError, FrameKind,
    PROTOCOL_HEADER, PROTOCOL_HEADER_OLD, split_frame,
};
pub use method::{Long, Method, MethodKind, Sender};
pub use properties::{ContentHeader, Properties};
pub use reader::Reader;
pub use table::{Array, ArrayBuilder, Table, TableBuilder, Value};
pub use writer::{Fields, Output, SPLICE_BYTES_MIN};

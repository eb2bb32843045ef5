//! A call of an operation: what its address, its query and its body say.
//!
//! Apart because operations read these and never the request itself.

use crate::body;
use crate::errors::Problem;
use crate::query::Query;
use millstream_front::http::Request;
use serde::de::DeserializeOwned;

/// A call of an operation. That its query names nothing unknown was checked before.
pub(crate) struct Call<'a> {
    /// What stands in the address for the parts in braces, in their order.
    pub(crate) path: Vec<String>,
    pub(crate) query: Query,
    /// What came, for the few that look at its headers or take other bodies than JSON.
    pub(crate) request: Request<'a>,
}

impl Call<'_> {
    /// The name in the address.
    pub(crate) fn name(&self) -> &str {
        &self.path[0]
    }

    /// The body; an empty one is an empty object.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        body::read(self.request.body)
    }
}

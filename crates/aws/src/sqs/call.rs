//! A call's parameters, in whichever protocol, and what every operation does with them first.
//!
//! Apart because operations read one structure each and do not care how it was spelled.

use super::errors::SqsError;
use super::queue::{QueueRef, origin};
use crate::form::Form;
use crate::step::Context;
use crate::value::Text;
use millstream_front::http::Request;
use serde::Deserialize;

/// The parameters of a call.
pub(crate) enum Parameters<'a> {
    Json(&'a [u8]),
    Form(Form<'a>),
}

/// A call of an action.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) parameters: Parameters<'a>,
}

impl<'a> Call<'a> {
    /// Reads the parameters.
    pub(crate) fn read<T: Deserialize<'a>>(&'a self) -> Result<T, SqsError> {
        match &self.parameters {
            Parameters::Json(body) => {
                let body = match body.trim_ascii() {
                    b"" => b"{}",
                    body if body.starts_with(b"{") => body,
                    // A list would be taken for the members in their order.
                    _ => return Err(SqsError::Serialization("A JSON object is expected.".to_owned())),
                };
                serde_json::from_slice(body).map_err(|error| SqsError::Serialization(error.to_string()))
            }
            Parameters::Form(form) => form.read().map_err(|error| SqsError::Serialization(error.to_string())),
        }
    }

    /// What the addresses that are given out begin with.
    pub(crate) fn origin(&self, cx: &Context) -> String {
        origin(self.request, &cx.shared.options.host)
    }

    /// The queue that the call is about.
    pub(crate) fn queue(&self, cx: &Context, url: Option<&Text<'_>>) -> Result<QueueRef, SqsError> {
        QueueRef::of(self.request, &cx.caller, url.map(|url| &**url))
    }
}

/// A parameter that must be there.
pub(crate) fn required<T>(parameter: Option<T>, name: &'static str) -> Result<T, SqsError> {
    parameter.ok_or(SqsError::MissingParameter(name))
}

/// A parameter of text that must be there, and not be empty.
pub(crate) fn required_text<'a>(
    parameter: Option<Text<'a>>,
    name: &'static str,
) -> Result<Text<'a>, SqsError> {
    required(parameter.filter(|text| !text.is_empty()), name)
}

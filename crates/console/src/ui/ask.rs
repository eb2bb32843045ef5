//! How a page asks: by the operations of the API, inside the same request.
//!
//! Apart because this is what keeps pages, programs and the command line in agreement: a page has no way to the broker of
//! its own. A question names an operation and is carried out by the very function that serves the API, with the same checks
//! and the same permissions; what the page gets is the document that a program would get.

use crate::call::Call;
use crate::context::{Context, Step, step};
use crate::errors::{Code, Problem};
use crate::ops;
use crate::query::Query;
use millstream_front::http::{Request, Response};
use serde_json::Value;

/// A question to an operation.
pub(super) struct Question {
    operation: &'static str,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

/// What an operation answers.
pub(super) type Answer = Result<Value, Problem>;

impl Question {
    /// A question to the operation of this name, about what is called like this.
    pub(super) fn new(operation: &'static str, path: &[&str]) -> Question {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Question { operation, path, query: Vec::new(), body: None }
    }

    /// With a parameter.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Question {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a parameter, if it has a value.
    pub(super) fn with_some(self, name: &str, value: Option<impl ToString>) -> Question {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a body.
    pub(super) fn body(mut self, body: Value) -> Question {
        self.body = Some(body);
        self
    }
}

/// Asks one question.
pub(super) fn ask(
    cx: &mut Context,
    question: Question,
    then: impl FnOnce(&mut Context, Answer) -> Step + Send + 'static,
) -> Step {
    let Question { operation, path, query, body } = question;
    let row = ops::TABLE.iter().find(|row| row.0.name == operation);
    let row = row.expect("pages ask operations that there are");
    let body = body.map_or(Vec::new(), |body| body.to_string().into_bytes());
    let request = Request {
        method: row.0.method,
        path: row.0.path,
        query: "",
        headers: &[],
        body: &body,
        is_tls: false,
        peer: None,
    };
    let call = Call { path, query: Query::of(query), request };
    let first = step((row.1)(cx, &call));
    intercept(first, Box::new(move |cx, response| then(cx, read(&response))))
}

/// Asks questions one after the other; goes on with an answer to each.
pub(super) fn ask_all(
    cx: &mut Context,
    questions: Vec<Question>,
    then: impl FnOnce(&mut Context, Vec<Answer>) -> Step + Send + 'static,
) -> Step {
    next(cx, questions.into_iter(), Vec::new(), Box::new(then))
}

type Then<T> = Box<dyn FnOnce(&mut Context, T) -> Step + Send>;

fn next(
    cx: &mut Context,
    mut questions: std::vec::IntoIter<Question>,
    mut answers: Vec<Answer>,
    then: Then<Vec<Answer>>,
) -> Step {
    let Some(question) = questions.next() else { return then(cx, answers) };
    ask(cx, question, move |cx, answer| {
        answers.push(answer);
        next(cx, questions, answers, then)
    })
}

/// Puts a continuation behind the end of a chain of steps.
fn intercept(step: Step, then: Then<Response>) -> Step {
    match step {
        Step::Respond(response) => Step::Submit(Vec::new(), Box::new(move |cx, _| then(cx, response))),
        Step::Submit(requests, go_on) => {
            Step::Submit(requests, Box::new(move |cx, replies| intercept(go_on(cx, replies), then)))
        }
        Step::Read(reads, go_on) => {
            Step::Read(reads, Box::new(move |cx, results| intercept(go_on(cx, results), then)))
        }
        Step::Watch(logs, until, go_on) => {
            Step::Watch(logs, until, Box::new(move |cx| intercept(go_on(cx), then)))
        }
        Step::Part(..) => unreachable!("pages ask for documents, and for no events"),
    }
}

/// A document, or the problem that one tells of.
fn read(response: &Response) -> Answer {
    let document = match &response.body[..] {
        b"" => Value::Null,
        body => serde_json::from_slice(body).map_err(|_| Problem::unexpected())?,
    };
    if response.status < 400 {
        return Ok(document);
    }
    let word = document["code"].as_str().unwrap_or_default();
    let code = Code::ALL.iter().find(|code| code.word() == word).copied().unwrap_or(Code::Internal);
    Err(Problem::new(code, document["detail"].as_str().unwrap_or_default()))
}

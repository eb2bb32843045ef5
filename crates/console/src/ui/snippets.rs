//! How clients connect: for each protocol that is listened to, a few lines to copy.
//!
//! Apart because it is the one place of the console that knows protocols by name, as its readers do.

use super::visit::Visit;
use crate::context::Context;
use core::net::SocketAddr;
use maud::{Markup, html};

/// A protocol: its listener's name, what people call it, and what they type, with `{}` for the address.
struct Protocol {
    listener: &'static str,
    name: &'static str,
    snippets: &'static [(&'static str, &'static str)],
}

static PROTOCOLS: &[Protocol] = &[
    Protocol {
        listener: "kafka",
        name: "Kafka",
        snippets: &[
            ("Properties of a client", "bootstrap.servers={}"),
            ("kcat", "kcat -b {} -L"),
            ("Python, confluent-kafka", "Producer({\"bootstrap.servers\": \"{}\"})"),
        ],
    },
    Protocol {
        listener: "amqp",
        name: "AMQP 0-9-1 (RabbitMQ)",
        snippets: &[
            ("Address", "amqp://guest:guest@{}/"),
            ("Python, pika", "pika.BlockingConnection(pika.URLParameters(\"amqp://guest:guest@{}/\"))"),
            ("Celery", "Celery(\"tasks\", broker=\"amqp://guest:guest@{}//\")"),
        ],
    },
    Protocol {
        listener: "amqp_management",
        name: "RabbitMQ management API",
        snippets: &[("curl", "curl -u guest:guest http://{}/api/overview")],
    },
    Protocol {
        listener: "aws",
        name: "SQS (AWS SDKs and CLI)",
        snippets: &[
            (
                "Environment",
                "export AWS_ENDPOINT_URL=http://{} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any",
            ),
            ("AWS CLI", "aws sqs create-queue --queue-name orders --endpoint-url http://{}"),
        ],
    },
    Protocol { listener: "redis", name: "Redis", snippets: &[("redis-cli", "redis-cli -u redis://{}")] },
    Protocol {
        listener: "pubsub",
        name: "Google Pub/Sub",
        snippets: &[("Environment", "export PUBSUB_EMULATOR_HOST={}")],
    },
    Protocol {
        listener: "http",
        name: "HTTP",
        snippets: &[
            ("curl", "curl http://{}/api/v1/streams"),
            ("Command line", "millstream queue list -s http://{}"),
        ],
    },
];

/// What listens where, with what to copy.
pub(super) fn show(cx: &Context, visit: &Visit) -> Markup {
    html! {
        @for (number, (listener, addr)) in cx.options.listeners.iter().enumerate() {
            @let protocol = PROTOCOLS.iter().find(|protocol| protocol.listener == *listener);
            @let reached = reached(*addr, visit);
            details.snippets open[number == 0] {
                summary { strong { (protocol.map_or(*listener, |protocol| protocol.name)) } " " code { (reached) } }
                @for (place, (title, snippet)) in protocol.map_or(&[][..], |protocol| protocol.snippets).iter().enumerate() {
                    @let id = format!("snippet-{number}-{place}");
                    div.snippet {
                        span { (title) }
                        code id=(id) { (snippet.replace("{}", &reached)) }
                        button.quiet type="button" data-copy=(id) hidden { "Copy" }
                    }
                }
            }
        }
    }
}

/// The address by which a client reaches a listener: one that listens everywhere is reached by the name in this very address.
fn reached(addr: SocketAddr, visit: &Visit) -> String {
    match addr.ip().is_unspecified() {
        true => format!("{}:{}", visit.host, addr.port()),
        false => addr.to_string(),
    }
}

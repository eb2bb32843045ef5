//! Gets each SQS client ready from its lock file, with the environment that points it at the endpoint.
//!
//! Apart from the Kafka clients' so that whoever runs only those installs nothing of this.

use std::path::Path;

use crate::compat::client::Program;
use crate::compat::prepare::{go, java, node};

/// An SQS client that is tested.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// boto3
    Boto3,
    /// The AWS CLI
    Cli,
    /// The AWS SDK for JavaScript, with sqs-consumer
    Js,
    /// The AWS SDK for Java
    Java,
    /// The AWS SDK for Go
    Go,
    /// Celery with its SQS transport
    Celery,
}

impl Name {
    /// Every client, in the order in which they run.
    pub(crate) fn all() -> Vec<Self> {
        <Self as clap::ValueEnum>::value_variants().to_vec()
    }
}

/// Installs what a client needs and tells how to start it.
pub(in crate::compat) fn client(name: Name, root: &Path, endpoint: &str) -> anyhow::Result<Program> {
    let (compat, target) = (root.join("compat/sqs"), root.join("target/compat"));
    let python = |folder: &str| {
        let python =
            crate::project::python_environment(&target.join("sqs-python"), &compat.join("requirements.txt"))?;
        Ok::<_, anyhow::Error>(vec![python, compat.join(folder).join("client.py")])
    };
    let (name, command) = match name {
        Name::Boto3 => ("sqs-boto3", python("boto3")?),
        Name::Cli => ("sqs-cli", python("cli")?),
        Name::Celery => ("sqs-celery", python("celery")?),
        Name::Js => ("sqs-js", node(&compat.join("js"))?),
        Name::Java => ("sqs-java", java(&compat.join("java"), &target.join("sqs-java"))?),
        Name::Go => ("sqs-go", go(&compat.join("go"), target.join("sqs-go"))?),
    };
    Ok(Program { name, command, environment: environment(endpoint) })
}

/// What a user sets to have an AWS client talk to Millstream. The last keep files of the machine's user out of it.
fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        // Python's SDK and the CLI know only this name of it.
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_PAGER", ""),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    std::iter::once(("AWS_ENDPOINT_URL", endpoint.to_owned())).chain(fixed).collect()
}

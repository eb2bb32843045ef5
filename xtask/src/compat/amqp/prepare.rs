//! Gets each AMQP client ready from its lock file.
//!
//! Apart from the other clients' so that whoever runs only those installs nothing of this.

use std::path::Path;

use crate::compat::client::Program;
use crate::compat::prepare::{go, java, node};
use crate::project::{cargo, run_in};

/// An AMQP client that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// lapin, for Rust
    Lapin,
    /// RabbitMQ's client for Java
    Java,
    /// Spring AMQP over RabbitMQ's client for Java
    Spring,
    /// Celery with kombu over py-amqp
    Celery,
    /// amqp091-go
    Go,
    /// amqplib, for Node
    Amqplib,
    /// pika
    Pika,
    /// py-amqp
    PyAmqp,
}

impl Name {
    /// Every client, those first that take longest.
    pub(crate) fn all() -> Vec<Self> {
        <Self as clap::ValueEnum>::value_variants().to_vec()
    }
}

/// Installs what a client needs and tells how to start it.
pub(super) fn client(name: Name, root: &Path) -> anyhow::Result<Program> {
    let (compat, target) = (root.join("compat/amqp"), root.join("target/compat"));
    let python = |folder: &str, program: &str| {
        let python = crate::project::python_environment(
            &target.join("amqp-python"),
            &compat.join("requirements.txt"),
        )?;
        Ok::<_, anyhow::Error>(vec![python, compat.join(folder).join(program)])
    };
    let (name, command) = match name {
        Name::Lapin => {
            let output = target.join("amqp-lapin").display().to_string();
            let build = ["build", "--quiet", "--locked", "--target-dir", &output];
            run_in(&compat.join("lapin"), &cargo(), &build)?;
            ("amqp-lapin", vec![target.join("amqp-lapin/debug/client")])
        }
        Name::Java => ("amqp-java", java(&compat.join("java"), &target.join("amqp-java"))?),
        Name::Spring => ("amqp-spring", java(&compat.join("spring"), &target.join("amqp-spring"))?),
        Name::Celery => ("amqp-celery", python("celery", "client.py")?),
        Name::Go => ("amqp-go", go(&compat.join("go"), target.join("amqp-go"))?),
        Name::Amqplib => ("amqp-amqplib", node(&compat.join("amqplib"))?),
        Name::Pika => ("amqp-pika", python("python", "with_pika.py")?),
        Name::PyAmqp => ("amqp-py-amqp", python("python", "with_py_amqp.py")?),
    };
    Ok(Program { name, command, environment: vec![] })
}

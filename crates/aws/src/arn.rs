//! Names of resources that hold in every account and region: `arn:aws:sqs:us-east-1:000000000000:orders`.
//!
//! Apart because every service names its own and others' resources so.

use core::fmt;

/// A resource's name, borrowed from where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// The part of the world; `aws` for nearly all.
    pub partition: &'a str,
    /// The service, `sqs` say.
    pub service: &'a str,
    /// The region; may be empty.
    pub region: &'a str,
    /// The account; may be empty.
    pub account: &'a str,
    /// The resource; may hold more colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes a name apart; `None` if it is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        let arn = parts.next()?;
        let (partition, service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = arn == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        whole.then_some(Arn { partition, service, region, account, resource })
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// The partition that a region is in.
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_and_put_together() {
        let text = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo";
        let arn = Arn::parse(text).unwrap();
        assert_eq!((arn.region, arn.account, arn.resource), ("eu-west-1", "123456789012", "orders.fifo"));
        assert_eq!(arn.to_string(), text);
        assert_eq!(Arn::parse("arn:aws:iam::1:user/a:b").unwrap().resource, "user/a:b");
        for wrong in
            ["", "dummy", "arn:aws:sqs:eu-west-1:123456789012", "arn:aws:sqs:::", "xrn:aws:sqs:r:a:q"]
        {
            assert_eq!(Arn::parse(wrong), None, "{wrong}");
        }
    }
}

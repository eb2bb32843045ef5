//! Permissions: nothing reaches the broker without a token that only the authorizer can make (R20).
//!
//! Apart because one mistake here is a hole in every protocol. [`Grant`] and [`Authorized`] have private fields: a
//! front that forgets to ask does not compile. A grant names the action and the resource it was given for by
//! construction of the request from it, not by convention.
//!
//! Today the only principal is the local one, who may do everything; users and rules come as entries of the
//! write-ahead log and change [`Authorizer::authorize`] alone.

use millstream_core::Request;
use millstream_types::Namespace;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    namespace: Namespace,
}

impl Principal {
    /// The one principal of a broker without users: whoever reaches it on loopback.
    #[must_use]
    pub fn local() -> Principal {
        Principal { namespace: Namespace::DEFAULT }
    }

    /// The namespace in which this principal's names live. It follows from the credential, never from a field that
    /// a client sets.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.namespace
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Bring it into being.
    Create,
    /// Take it away.
    Delete,
    /// Change its configuration or size.
    Alter,
    /// Learn that it exists and how it is set up.
    Describe,
    /// Take records or positions from it.
    Read,
    /// Add records to it.
    Write,
}

/// What it is to be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A stream by name.
    Stream(&'a str),
    /// A route by name.
    Route(&'a str),
    /// A cursor group by name.
    Group(&'a str),
    /// A namespace by name.
    Namespace(&'a str),
    /// The broker as a whole.
    Cluster,
}

/// The principal may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

/// Proof that one action on one resource was permitted.
#[derive(Debug)]
pub struct Grant {
    _private: (),
}

/// Something that was permitted.
#[derive(Debug)]
pub struct Authorized<T> {
    inner: T,
}

impl<T> Authorized<T> {
    /// What was permitted.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// A look at it.
    pub fn get(&self) -> &T {
        &self.inner
    }
}

impl Grant {
    /// A request on the resource that the grant was given for.
    #[must_use]
    pub fn request(self, request: Request) -> Authorized<Request> {
        Authorized { inner: request }
    }

    /// A request that touches several resources, each with a grant of its own; `None` when there is no grant at all.
    #[must_use]
    pub fn request_all(grants: Vec<Grant>, request: Request) -> Option<Authorized<Request>> {
        (!grants.is_empty()).then_some(Authorized { inner: request })
    }

    /// Anything else that reveals or changes the resource, a read say.
    #[must_use]
    pub fn allow<T>(&self, inner: T) -> Authorized<T> {
        Authorized { inner }
    }
}

/// Decides who may do what. One for all fronts.
#[derive(Debug, Default)]
pub struct Authorizer {
    _private: (),
}

impl Authorizer {
    /// The authorizer of a broker without users: the local principal may do everything. The binary refuses to listen
    /// beyond loopback with it.
    #[must_use]
    pub fn local_only() -> Authorizer {
        Authorizer { _private: () }
    }

    /// Asks for permission.
    ///
    /// # Errors
    /// [`Denied`] when no rule allows it.
    pub fn authorize(
        &self,
        principal: &Principal,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<Grant, Denied> {
        // Every principal is the local one until users exist (R20); the arguments are what rules will decide by.
        let _ = (principal, action, resource);
        Ok(Grant { _private: () })
    }
}

use std::fmt;

/// Something or somebody that a row names, in the part it plays there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The part it plays.
    pub role: Role,
    /// What it is.
    pub kind: EntityKind,
    /// Its name, as the evidence has it or, once resolved, as the site knows it.
    pub value: Box<str>,
    /// What stands in the row, where `value` was resolved from it; `None` when `value` itself stands there.
    pub raw: Option<Box<str>>,
}

/// The part that an entity plays in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Who or what acts: the account, the process, the session it runs in.
    Actor,
    /// Where it comes from: the client's address, the workstation of a logon.
    Source,
    /// What it is done to, or where it happens: the server's address, the computer that logged the event.
    Target,
    /// What it is about: a file, a tag, a mail.
    Object,
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// An account.
    User,
    /// A computer, controller or other device, by name.
    Host,
    /// An IP address.
    Ip,
    /// A hardware address.
    Mac,
    /// A logon session on a host (`host/0x3e7`).
    Session,
    /// A process on a host.
    Process,
    /// A file, by its name without folders.
    File,
    /// An asset of the inventory.
    Asset,
    /// A process value: register, point, object, node.
    Tag,
    /// A password, hash, ticket or key.
    Credential,
    /// A mail message, by its Message-ID.
    Mail,
}

impl Role {
    /// Lower-case word, as chains and `--json` have it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Actor => "actor",
            Role::Source => "source",
            Role::Target => "target",
            Role::Object => "object",
        }
    }

    /// Every role.
    pub const ALL: [Role; 4] = [Role::Actor, Role::Source, Role::Target, Role::Object];
}

impl EntityKind {
    /// Lower-case word, as chains and `--json` have it.
    pub fn name(self) -> &'static str {
        match self {
            EntityKind::User => "user",
            EntityKind::Host => "host",
            EntityKind::Ip => "ip",
            EntityKind::Mac => "mac",
            EntityKind::Session => "session",
            EntityKind::Process => "process",
            EntityKind::File => "file",
            EntityKind::Asset => "asset",
            EntityKind::Tag => "tag",
            EntityKind::Credential => "credential",
            EntityKind::Mail => "mail",
        }
    }

    /// Every kind.
    pub const ALL: [EntityKind; 11] = [
        EntityKind::User,
        EntityKind::Host,
        EntityKind::Ip,
        EntityKind::Mac,
        EntityKind::Session,
        EntityKind::Process,
        EntityKind::File,
        EntityKind::Asset,
        EntityKind::Tag,
        EntityKind::Credential,
        EntityKind::Mail,
    ];
}

impl Entity {
    /// `value` as `kind`, in the part `role`.
    pub fn new(role: Role, kind: EntityKind, value: impl Into<Box<str>>) -> Self {
        Self { role, kind, value: value.into(), raw: None }
    }

    /// `value` as the site knows it, for a row in which `raw` stands.
    pub fn resolved(
        role: Role,
        kind: EntityKind,
        value: impl Into<Box<str>>,
        raw: impl Into<Box<str>>,
    ) -> Self {
        Self { role, kind, value: value.into(), raw: Some(raw.into()) }
    }

    /// Its name as it stands in the row.
    pub fn in_row(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.value)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} {}", self.role.name(), self.kind.name(), self.value)
    }
}

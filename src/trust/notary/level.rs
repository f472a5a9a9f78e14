//! Levels of verification, and their action for each validation.

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All validations are enforced.
    Strict,
    /// Integrity and authenticity are enforced.
    Permissive,
    /// Integrity is enforced.
    Audit,
    /// Nothing is verified.
    Skip,
}

/// A validation that a policy may treat in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The envelope holds.
    Integrity,
    /// The signer is trusted.
    Authenticity,
    /// It was signed while the certificates lived.
    AuthenticTimestamp,
    /// It has not expired.
    Expiry,
    /// No certificate is revoked.
    Revocation,
}

/// The action for a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A failure refuses.
    Enforce,
    /// A failure is told of.
    Log,
    /// It is not looked at.
    Skip,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Strict, Self::Permissive, Self::Audit, Self::Skip];

    /// The name in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Permissive => "permissive",
            Self::Audit => "audit",
            Self::Skip => "skip",
        }
    }

    /// Its action for a validation, if nothing overrides it.
    pub const fn action(self, validation: Validation) -> Action {
        match (self, validation) {
            (Self::Skip, _) => Action::Skip,
            (Self::Strict, _)
            | (_, Validation::Integrity)
            | (Self::Permissive, Validation::Authenticity) => Action::Enforce,
            (Self::Permissive | Self::Audit, _) => Action::Log,
        }
    }
}

impl Validation {
    /// All of them, in the order of their actions.
    pub const ALL: [Self; 5] = [
        Self::Integrity,
        Self::Authenticity,
        Self::AuthenticTimestamp,
        Self::Expiry,
        Self::Revocation,
    ];

    /// The name in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Authenticity => "authenticity",
            Self::AuthenticTimestamp => "authenticTimestamp",
            Self::Expiry => "expiry",
            Self::Revocation => "revocation",
        }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Log, Self::Skip];

    /// The name in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Log => "log",
            Self::Skip => "skip",
        }
    }
}

/// A level with the overridden actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The level.
    pub level: Level,
    /// The overridden actions, in the policy's order.
    pub overridden: Vec<(Validation, Action)>,
}

impl Levels {
    /// Reads a level and its overrides, by their names.
    pub(super) fn read<'a>(
        level: &str,
        overridden: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let found = Level::ALL.into_iter().find(|known| known.name() == level);
        let level = found.ok_or_else(|| format!("there is no level {level:?}"))?;
        let mut read = Self {
            level,
            overridden: Vec::new(),
        };
        for (validation, action) in overridden {
            if level == Level::Skip {
                return Err("the level skip has nothing to override".into());
            }
            let mut validations = Validation::ALL.into_iter();
            let validation = validations
                .find(|known| known.name() == validation)
                .ok_or_else(|| format!("there is no validation {validation:?}"))?;
            let mut actions = Action::ALL.into_iter();
            let action = actions
                .find(|known| known.name() == action)
                .ok_or_else(|| format!("there is no action {action:?}"))?;
            let name = validation.name();
            if validation == Validation::Integrity {
                return Err(format!("{name} cannot be overridden"));
            }
            if action == Action::Skip && validation != Validation::Revocation {
                return Err(format!("{name} cannot be skipped"));
            }
            read.overridden.push((validation, action));
        }
        Ok(read)
    }

    /// The action for a validation.
    pub fn action(&self, validation: Validation) -> Action {
        let mut overridden = self.overridden.iter();
        let found = overridden.find(|(known, _)| *known == validation);
        found.map_or_else(|| self.level.action(validation), |(_, action)| *action)
    }

    /// Whether nothing is verified.
    pub fn skips_all(&self) -> bool {
        self.level == Level::Skip
    }
}

//! The keys of the configuration: their names, their environment variables, and which of them is
//! nearest to a misspelt one.

/// Defines [`Key`] from one table, so that a key cannot be in one list and missing in another.
macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident = $name:literal, $variable:expr;)*) => {
        /// A key of the configuration.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Key {
            $($(#[$doc])* $key,)*
        }

        impl Key {
            /// Every key.
            pub const ALL: &'static [Key] = &[$(Key::$key),*];

            /// Returns the name, as in a configuration.
            pub fn name(self) -> &'static str {
                match self {
                    $(Key::$key => $name,)*
                }
            }

            /// Returns the environment variable that sets the key, if there is one.
            pub fn variable(self) -> Option<&'static str> {
                match self {
                    $(Key::$key => $variable,)*
                }
            }
        }
    };
}

keys! {
    /// Where the store runs; only `embedded` exists.
    Mode = "mode", Some("NEXUS_MODE");
    /// The directory that holds the store.
    DataDir = "data_dir", Some("NEXUS_DATA_DIR");
    /// The database file.
    DbPath = "db_path", Some("NEXUS_DB_PATH");
    /// The tenant that the handle is bound to.
    TenantId = "tenant_id", Some("NEXUS_TENANT_ID");
    /// The agent that the handle is bound to.
    AgentId = "agent_id", Some("NEXUS_AGENT_ID");
    /// Whether the handle may act for every tenant.
    IsAdmin = "is_admin", Some("NEXUS_IS_ADMIN");
    /// Whether an admin may change read-only namespaces.
    AllowReadonlyWrites = "allow_readonly_writes", None;
    /// Whether paths outside registered namespaces are denied.
    StrictNamespaces = "strict_namespaces", Some("NEXUS_STRICT_NAMESPACES");
    /// Custom namespaces to declare or to remove.
    Namespaces = "namespaces", None;
    /// Prefixes whose content lives elsewhere.
    Mounts = "mounts", None;
    /// The configuration file; the environment has precedence over it.
    ConfigFile = "config_file", Some("NEXUS_CONFIG_FILE");
    /// What an acknowledged call survives.
    Durability = "durability", Some("NEXUS_DURABILITY");
    /// Bound of all caches together, in MiB.
    CacheSizeMb = "cache_size_mb", Some("NEXUS_CACHE_SIZE_MB");
    /// Largest content that lives in the database, in bytes.
    InlineMaxBytes = "inline_max_bytes", Some("NEXUS_INLINE_MAX_BYTES");
    /// Longest wait for another's commit, in milliseconds.
    BusyTimeoutMs = "busy_timeout_ms", Some("NEXUS_BUSY_TIMEOUT_MS");
    /// Whether the engine keeps a thread for checkpoints.
    Housekeeping = "housekeeping", Some("NEXUS_HOUSEKEEPING");
    /// Whether vector search is wanted.
    EnableVectorSearch = "enable_vector_search", Some("NEXUS_ENABLE_VECTOR_SEARCH");
    /// Whether the cache of language model answers is wanted.
    EnableLlmCache = "enable_llm_cache", Some("NEXUS_ENABLE_LLM_CACHE");
    /// Address of a server, for the server modes.
    Url = "url", Some("NEXUS_URL");
    /// Key for a server, for the server modes.
    ApiKey = "api_key", Some("NEXUS_API_KEY");
    /// Longest wait for a server in seconds, for the server modes.
    Timeout = "timeout", Some("NEXUS_TIMEOUT");
}

impl Key {
    /// The keys that are taken together from one source: mixing the tenant of one with the admin flag of another would
    /// make an identity that no source configured.
    pub const IDENTITY: [Key; 3] = [Key::TenantId, Key::AgentId, Key::IsAdmin];

    /// Returns the key called `name`.
    pub fn parse(name: &str) -> Option<Key> {
        Key::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Returns whether this is one of [`Key::IDENTITY`].
    pub fn is_identity(self) -> bool {
        Key::IDENTITY.contains(&self)
    }

    /// Returns whether the variable of this key counts only where a host has asked for discovery.
    /// A host that passes its own config must not gain rights from its surroundings.
    pub fn needs_discovery(self) -> bool {
        matches!(self, Key::IsAdmin | Key::ConfigFile)
    }
}

/// Returns the name in `known` that takes the fewest edits to reach from `name`, letters compared
/// without case; the first of equals. `known` must not be empty, else the result is empty.
pub(crate) fn nearest(name: &str, known: impl IntoIterator<Item = &'static str>) -> &'static str {
    let name: Vec<char> = name
        .chars()
        .take(COMPARED_CHARS)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    known
        .into_iter()
        .min_by_key(|candidate| edit_distance(&name, &candidate.chars().collect::<Vec<_>>()))
        .unwrap_or_default()
}

/// Returns the key whose environment variable is probably meant by `variable`, which is none: one that a few edits
/// make of it, or whose name begins or ends with it.
pub(crate) fn probably_meant(variable: &str) -> Option<Key> {
    let name = variable.strip_prefix("NEXUS_")?.to_ascii_lowercase();
    let given: Vec<char> = name.chars().take(COMPARED_CHARS).collect();
    Key::ALL
        .iter()
        .copied()
        .filter(|key| key.variable().is_some())
        .map(|key| {
            let known: Vec<char> = key.name().chars().collect();
            (key, edit_distance(&given, &known), known.len())
        })
        .filter(|(key, edits, length)| {
            let rest = key
                .name()
                .strip_prefix(&*name)
                .is_some_and(|rest| rest.starts_with('_'))
                || key
                    .name()
                    .strip_suffix(&*name)
                    .is_some_and(|rest| rest.ends_with('_'));
            rest || *edits <= length / EDITED_PART
        })
        .min_by_key(|(_, edits, _)| *edits)
        .map(|(key, ..)| key)
}

/// One edit in so many letters still looks like the same name.
const EDITED_PART: usize = 3;
/// Longer than any key by far: what follows cannot change which one is nearest by much.
const COMPARED_CHARS: usize = 64;

/// Returns how many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`
/// (optimal string alignment distance, by the usual dynamic program over three rows).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        edit_distance(
            &a.chars().collect::<Vec<_>>(),
            &b.chars().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("tenant", "teannt"), 1, "a swap is one edit");
    }

    #[test]
    fn every_name_and_variable_is_unique_and_follows_the_rule() {
        let mut names: Vec<_> = Key::ALL.iter().map(|key| key.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Key::ALL.len());
        for key in Key::ALL {
            assert_eq!(Key::parse(key.name()), Some(*key));
            if let Some(variable) = key.variable() {
                let expected = format!("NEXUS_{}", key.name().to_uppercase());
                assert_eq!(variable, expected);
            }
        }
    }

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        let names = || Key::ALL.iter().map(|key| key.name());
        for (typed, meant) in [
            ("tennant_id", "tenant_id"),
            ("tenantid", "tenant_id"),
            ("Data_Dir", "data_dir"),
            ("datadir", "data_dir"),
            ("is_amdin", "is_admin"),
            ("cache_size", "cache_size_mb"),
            ("namespace", "namespaces"),
        ] {
            assert_eq!(nearest(typed, names()), meant, "for {typed:?}");
        }
    }
}

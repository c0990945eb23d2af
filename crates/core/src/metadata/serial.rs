//! Serialised forms of what a change holds: plain values, checked again when they are read.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, Serializer};

use super::{MetadataValue, MetadataValues};
use crate::call::Interrupts;
use crate::content::{NewContent, with_room};
use crate::error::Result;

/// Bytes as bytes where a format has them, as JSON does not, and else as numbers.
pub(super) mod bytes {
    use super::*;

    pub fn serialize<S: Serializer>(
        bytes: &impl AsRef<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes.as_ref())
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: From<Vec<u8>>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        deserializer.deserialize_byte_buf(AnyBytes).map(T::from)
    }

    struct AnyBytes;

    impl<'de> Visitor<'de> for AnyBytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_owned())
        }

        fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = numbers.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}

/// A new content as its bytes, wherever they are kept until the commit. It is read as one in memory.
pub(super) mod content {
    use super::*;

    pub fn serialize<S: Serializer>(
        content: &NewContent,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match content {
            NewContent::Inline { data, .. } => serializer.serialize_bytes(data),
            kept => {
                let data = read(kept).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&data)
            }
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NewContent, D::Error> {
        let data: Vec<u8> = super::bytes::deserialize(deserializer)?;
        Ok(NewContent::inline(&data))
    }

    fn read(content: &NewContent) -> Result<Vec<u8>> {
        match content {
            NewContent::Inline { data, .. } => Ok(data.to_vec()),
            NewContent::Small {
                size, offset, file, ..
            } => file.read(*offset, *size),
            NewContent::Staged(staged) => {
                let size = staged.size() as usize;
                let mut data = with_room(size)?;
                data.resize(size, 0);
                // Nobody can interrupt a serialiser.
                let call = Interrupts::default().begin(Duration::ZERO);
                let count = staged.open(&call)?.read_at(0, &mut data, &call)?;
                data.truncate(count);
                Ok(data)
            }
        }
    }
}

/// Keys with the JSON texts of their values.
pub(super) mod values {
    use super::*;

    pub fn serialize<S: Serializer>(
        values: &MetadataValues,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = |value: &MetadataValue| match value {
            MetadataValue::Json { text, .. } => text.clone(),
            MetadataValue::Work(field) => field.to_json(),
        };
        serializer.collect_seq(values.iter().map(|(key, value)| (key, text(value))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<MetadataValues, D::Error> {
        let texts = Vec::<(String, String)>::deserialize(deserializer)?;
        let values = texts.into_iter().map(|(key, text)| {
            let value = MetadataValue::parse(&key, &text).map_err(D::Error::custom)?;
            Ok((key, value))
        });
        values.collect()
    }
}

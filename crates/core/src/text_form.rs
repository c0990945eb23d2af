//! Words whose serialised form is their text.

/// Has values of `$type` serialised as the text that displays them, and read by `$parse`, a function of a `&str`: what breaks a rule
/// of the type is refused.
macro_rules! text_form {
    ($type:ty, $parse:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                $parse(&*text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use text_form;

//! How Tamara's JSON deviates from its own schema, and how that is read.
//!
//! For the types of this crate only. Invariant: a field on which no decision about money rests
//! never makes an answer unreadable; ids and amounts of operations are read strictly.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Gives types that hold personal data or free text a `Debug` that prints the type's name and only
/// the fields that are named.
macro_rules! opaque_debug {
    ($($name:ident { $($field:ident),* })+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use opaque_debug;

/// An id: a text that is not empty.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if id.is_empty() {
        Err(D::Error::custom("empty id"))
    } else {
        Ok(id)
    }
}

/// An id that PHP writes as `""` when there is none.
pub(crate) fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|id| !id.is_empty()))
}

/// A text that may arrive as a number, as tracking numbers do (endpoints 2.11); anything else is
/// no text.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let raw = raw.get();
    Ok(match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok(),
        Some(b'-' | b'0'..=b'9') => Some(raw.to_owned()),
        _ => None,
    })
}

/// `null` in place of a value that has an empty form.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A value for information only: whatever does not have the expected shape counts as absent.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// A list for information only: all of it, or nothing when any entry has another shape.
pub(crate) fn lenient_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(lenient(deserializer)?.unwrap_or_default())
}

/// A list for information only: the entries that have the expected shape.
pub(crate) fn lenient_each<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let entries: Option<Vec<Box<RawValue>>> = lenient(deserializer)?;
    let decode = |entry: Box<RawValue>| serde_json::from_str(entry.get()).ok();
    Ok(entries
        .unwrap_or_default()
        .into_iter()
        .filter_map(decode)
        .collect())
}

/// An object that PHP writes as `[]` when it is empty (gotchas 3).
pub(crate) fn object_or_empty_list<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
        return Ok(T::default());
    };
    if raw.get().starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        return if list.is_empty() {
            Ok(T::default())
        } else {
            Err(D::Error::custom("a list where an object is expected"))
        };
    }
    serde_json::from_str(raw.get()).map_err(D::Error::custom)
}

//! Lists of one, and objects that are read as objects only: a derived reader also takes a list as
//! its fields in their order, which no supplier means.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{CowStrDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Text;

/// The error for a list of several where one thing belongs.
pub(super) fn several<E: Error>(expected: &str) -> E {
    E::custom(format_args!("invalid type: list of several, expected {expected}"))
}

/// What stands in a list of one; `None` for an empty list.
pub(super) fn single<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut seq: A,
    expected: &str,
) -> Result<Option<T>, A::Error> {
    let Some(only) = seq.next_element_seed(Guard::default())? else { return Ok(None) };
    match seq.next_element::<IgnoredAny>()? {
        None => Ok(Some(only)),
        Some(_) => Err(several(expected)),
    }
}

/// Reads a value, of a type with fields only from an object.
pub(super) struct Guard<T>(PhantomData<T>);

impl<T> Default for Guard<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Guard<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(Guarded(deserializer))
    }
}

struct Guarded<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guarded<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(OfObject(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier
    }
}

/// Passes an object on, and an empty list as an empty object.
struct OfObject<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for OfObject<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<V::Value, A::Error> {
        match seq.next_element::<IgnoredAny>()? {
            None => self.0.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>())),
            Some(_) => Err(A::Error::custom("invalid type: sequence, expected an object")),
        }
    }
}

/// An object in place of a list of such objects, of which the first key has been read. It must be
/// one of the fields: another object is not taken for one that says nothing.
pub(super) struct One<'de, A> {
    first: Option<Text<'de>>,
    map: A,
}

impl<'de, A: MapAccess<'de>> One<'de, A> {
    pub(super) fn new(first: Text<'de>, map: A) -> Self {
        Self { first: Some(first), map }
    }
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for One<'de, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("invalid type: map, expected a list"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        if self.first.as_ref().is_some_and(|first| fields.contains(&&*first.0)) {
            visitor.visit_map(self)
        } else {
            Err(A::Error::custom("invalid type: map, expected a list"))
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for One<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(CowStrDeserializer::new(first.0)).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

//! How values of the model stand in the ledger: as plain JSON that another program can read.

/// Binary as lower-case hexadecimal.
pub(crate) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn text(bytes: &[u8]) -> String {
        bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(nibble.into(), 16));
            }
            text
        })
    }

    pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
        let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
    }

    pub(crate) fn serialize<S: Serializer>(value: &impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(value.as_ref()))
    }

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: TryFrom<Vec<u8>>,
    {
        let text = String::deserialize(from)?;
        bytes(&text)
            .and_then(|bytes| T::try_from(bytes).ok())
            .ok_or_else(|| D::Error::custom("not hexadecimal of this length"))
    }
}

/// A moment as nanoseconds since 1970.
pub(crate) mod time {
    use model::Time;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(value.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        i64::deserialize(from).map(Time)
    }
}

/// TCP or UDP by name.
pub(crate) mod transport {
    use model::Transport;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Transport, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Transport, D::Error> {
        let name = String::deserialize(from)?;
        named(&name).ok_or_else(|| D::Error::custom(format!("{name} has no ports")))
    }

    pub(crate) fn named(name: &str) -> Option<Transport> {
        [Transport::Tcp, Transport::Udp].into_iter().find(|transport| transport.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn hexadecimal_comes_back_as_it_went() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            assert_eq!(hex::bytes(&hex::text(&bytes)), Some(bytes));
            Ok(())
        });
        assert_eq!(hex::text(&[0x0a, 0xf1]), "0af1");
        assert_eq!(hex::bytes("abc"), None);
        assert_eq!(hex::bytes("zz"), None);
    }
}

/// Numbers to bytes: what `wire::Reader` reads, written; big-endian unless the name says otherwise.
pub(crate) trait Put {
    /// One byte.
    fn u8(&mut self, value: u8) -> &mut Self;
    /// Two bytes, most significant first.
    fn u16(&mut self, value: u16) -> &mut Self;
    /// Four bytes, most significant first.
    fn u32(&mut self, value: u32) -> &mut Self;
    /// Two bytes, least significant first.
    fn u16_le(&mut self, value: u16) -> &mut Self;
    /// Four bytes, least significant first.
    fn u32_le(&mut self, value: u32) -> &mut Self;
    /// Bytes as they are.
    fn put(&mut self, bytes: &[u8]) -> &mut Self;
    /// One byte that counts `bytes`, then `bytes`.
    fn counted(&mut self, bytes: &[u8]) -> &mut Self;
    /// Two bytes that count `bytes`, then `bytes`.
    fn counted16(&mut self, bytes: &[u8]) -> &mut Self;
}

impl Put for Vec<u8> {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.push(value);
        self
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    fn u16_le(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn u32_le(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
    fn counted(&mut self, bytes: &[u8]) -> &mut Self {
        self.u8(len8(bytes)).put(bytes)
    }
    fn counted16(&mut self, bytes: &[u8]) -> &mut Self {
        self.u16(len16(bytes)).put(bytes)
    }
}

/// Number of bytes as one byte; what a message of the lab's own making never exceeds.
pub(crate) fn len8(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).expect("the lab writes no field longer than 255 bytes here")
}

/// Number of bytes as two bytes; what a message of the lab's own making never exceeds.
pub(crate) fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).expect("the lab writes no message longer than 65,535 bytes")
}

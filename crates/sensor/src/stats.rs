//! What a live sensor says about itself.

model::log! {
    /// What the sensor did and what it lost, once a minute and in the end.
    pub struct Stats<'a>: "stats", Site {
        /// Interface; `-` for standard input.
        peer: &'a str,
        /// Packets since the row before.
        pkts_proc: u64,
        /// Bytes of them on the wire.
        bytes_recv: u64,
        /// Packets that the kernel lost since the row before, because they were not taken in time.
        pkts_dropped: u64,
        /// Packets since the row before that the network card did not stamp, where it is to stamp them.
        pkts_unstamped: Option<u64>,
        /// Conversations begun since the row before.
        conversations: u64,
        /// Packets with damaged headers since the row before.
        damaged: u64,
        /// Memory of the program, in megabytes.
        mem: u64,
    }
}

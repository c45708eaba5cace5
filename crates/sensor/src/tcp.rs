//! The two ends of a TCP connection as a bystander sees them.
//!
//! Sources: RFC 9293, 3.3 to 3.10; the meaning of states and of `history` is Zeek's (`base/protocols/conn`), so that
//! analysts read the same words. An end is judged by what it sent, never by what it should have sent.

use crate::history::{History, Letter, Scaled};
use crate::stream::{Piece, Stream};
use wire::transport::{Flags, Tcp as Header};

/// Where an end stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// It has sent nothing.
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    /// It sends, but its handshake was not seen.
    Partial,
    Established,
    Closed,
    Reset,
}

/// One end.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) state: State,
    before: State,
    start: u32,
    last: Seq,
    ack: Seq,
    fins: u32,
    fin_at: u64,
    pub(crate) did_close: bool,
    window: Window,
    retransmissions: Scaled,
    zero_windows: Scaled,
    gaps: Scaled,
    last_syn: u64,
    last_fin: u64,
    last_rst: u64,
    stream: Stream,
}

/// A sequence number and how often the sequence space has wrapped around.
#[derive(Clone, Copy, Debug, Default)]
struct Seq {
    number: u32,
    wraps: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    size: u32,
    scale: u8,
    seq: u32,
    ack: u32,
}

/// A connection.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    pub(crate) orig: End,
    pub(crate) resp: End,
    /// The first packet of the connection was no plain SYN.
    partial: bool,
    seen_orig: bool,
    seen_resp: bool,
    close_deferred: bool,
    pub(crate) finished: bool,
    /// Bytes that were acknowledged but never seen, both directions.
    pub(crate) missed_bytes: u64,
}

/// What a segment did to the connection as a whole.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// The ends change their parts.
    pub(crate) flip: bool,
    /// The handshake is over: the connection may be quiet for longer now.
    pub(crate) settled: bool,
    /// Nothing more is to come.
    pub(crate) complete: bool,
    /// One end has closed.
    pub(crate) half_closed: bool,
    /// Conditions that should not be, by Zeek's names.
    pub(crate) odd: Odd,
}

impl Effect {
    /// Whether there is anything to act on.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.flip | self.settled | self.complete | self.half_closed | (self.odd.count > 0)
    }
}

/// A few names.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    names: [&'static str; 4],
    count: usize,
}

impl Odd {
    /// Keeps the name; beyond four of one segment they are left out.
    fn note(&mut self, name: &'static str) {
        if let Some(place) = self.names.get_mut(self.count) {
            *place = name;
            self.count += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.names.iter().copied().take(self.count)
    }
}

/// A jump of sequence numbers that is taken for damage rather than for data.
const JUMP_MAX: i32 = 1 << 20;

/// Distance from `b` to `a` in sequence space, RFC 1982, 3.2.
fn delta(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl Seq {
    fn at(number: u32) -> Self {
        Seq { number, wraps: 0 }
    }

    fn advance(&mut self, number: u32) {
        if number < self.number {
            self.wraps = self.wraps.wrapping_add(1);
        }
        self.number = number;
    }

    fn full(self) -> i64 {
        i64::from(self.number) + (i64::from(self.wraps) << 32)
    }
}

impl End {
    fn set(&mut self, state: State) {
        if state != self.state {
            self.before = self.state;
            self.state = state;
        }
    }

    fn begin(&mut self, start: u32, last: u32) {
        self.start = start;
        self.ack = Seq::at(start);
        self.last = Seq::at(last);
    }

    fn no_data_acked(&self) -> bool {
        self.ack.number == self.start || self.ack.number == self.start.wrapping_add(1)
    }

    fn is_active(&self) -> bool {
        !matches!(self.state, State::Inactive | State::Reset) && !self.did_close
    }

    /// Bytes that the end sent, by its sequence numbers.
    pub(crate) fn size(&self, peer: &End) -> u64 {
        let aborted = self.before == State::SynSent && self.state == State::Reset;
        if aborted && peer.state == State::Inactive && !self.no_data_acked() {
            return 0;
        }
        let reached = self.last.full().max(self.ack.full());
        // Numbers that a reset or a repeated SYN left behind may lie before the start.
        let size = (reached - i64::from(self.start)).max(0).cast_unsigned();
        // The SYN, real or presumed, and the FIN take one number each.
        let size = size.saturating_sub(1);
        if self.fins > 0 { size.saturating_sub(1) } else { size }
    }

    /// Position of `number` in the stream of this end, `known` being near it; negative is before the start.
    fn relative(&self, number: u32, known: Seq) -> i64 {
        let mut wraps = known.wraps;
        let ahead = delta(number, known.number);
        if ahead < 0 && wraps > 0 && number > known.number {
            wraps -= 1;
        } else if ahead > 0 && number < known.number {
            wraps = wraps.wrapping_add(1);
        }
        if wraps == 0 {
            return i64::from(delta(number, self.start));
        }
        Seq { number, wraps }.full() - i64::from(self.start)
    }

    fn is_clean(&self) -> bool {
        self.state == State::Established || (self.state == State::Closed && self.before == State::Established)
    }

    /// Whether data is known to exist that was not delivered yet.
    fn data_pending(&self, peer: &End) -> bool {
        let delivered = i64::from(self.start) + self.stream.next().cast_signed();
        let last = self.last.full();
        if last < delivered {
            return false;
        }
        if delivered != last - 1 && delivered != last {
            return true;
        }
        self.state != State::Reset && peer.stream.is_waiting()
    }

    /// Takes note of where this end starts, from the first segment it sends.
    fn initialise(&mut self, h: &Header<'_>, past: u32, peer: &End, odd: &mut Odd) {
        let syn = h.flags.syn();
        match self.state {
            State::Inactive if syn => self.begin(h.seq, past),
            // Without a SYN, number as if there had been one.
            State::Inactive => self.begin(h.seq.wrapping_sub(1), h.seq),
            State::SynSent | State::SynAckSent if syn && h.seq != self.start => {
                odd.note("SYN_seq_jump");
                self.begin(h.seq, past);
            }
            State::Established | State::Partial if syn => {
                if self.size(peer) > 0 {
                    odd.note("SYN_inside_connection");
                }
                if h.seq != self.start {
                    odd.note("SYN_seq_jump");
                }
                self.begin(h.seq, past);
            }
            State::Reset if syn && self.before == State::Inactive => self.begin(h.seq, past),
            State::SynSent
            | State::SynAckSent
            | State::Established
            | State::Partial
            | State::Reset
            | State::Closed => {}
        }
    }

    /// Moves the highest sequence number; returns how far, negative for a repeat.
    fn reach(&mut self, past: u32, flags: Flags, len: usize) -> (i32, bool) {
        let ahead = delta(past, self.last.number);
        let mut repeated = false;
        if (flags.syn() || flags.rst()) && !(-JUMP_MAX..=JUMP_MAX).contains(&ahead) {
            // Not to be trusted.
        } else if flags.fin() && self.last.number == self.start.wrapping_add(1) {
            self.last.advance(past);
        } else if self.state == State::Reset {
            // Nothing after a reset is to be trusted.
        } else if ahead > 0 {
            self.last.advance(past);
        } else {
            repeated = len > 0;
        }
        (ahead, repeated)
    }
}

/// A segment on its way through the state machine.
struct Step<'a> {
    header: &'a Header<'a>,
    len: usize,
    from_orig: bool,
    ahead: i32,
}

impl Tcp {
    /// Takes a segment of `len` bytes as its IP header says (`header.payload` may hold less); tells its `effect`.
    pub(crate) fn segment(
        &mut self,
        header: &Header<'_>,
        len: usize,
        from_orig: bool,
        history: &mut History,
        take: &mut dyn FnMut(bool, Piece<'_>),
        effect: &mut Effect,
    ) {
        if self.is_steady(header, from_orig) {
            self.steady(header, len, from_orig, history, take, effect);
            return;
        }
        self.any_segment(header, len, from_orig, history, take, effect);
    }

    /// Whether the segment is one of many: both ends are established and it comes in order.
    #[inline]
    fn is_steady(&self, header: &Header<'_>, from_orig: bool) -> bool {
        let (end, peer) = if from_orig { (&self.orig, &self.resp) } else { (&self.resp, &self.orig) };
        header.flags.is_plain_ack()
            && end.state == State::Established
            && peer.state == State::Established
            && header.seq == end.last.number
            && header.window > 0
            && end.last.wraps == 0
            && delta(header.seq, end.start) > 0
            && (end.fins | peer.fins) == 0
            && (self.seen_orig & self.seen_resp & !self.close_deferred)
    }

    /// [`Tcp::any_segment`] without what cannot happen to a steady one.
    #[inline]
    fn steady(
        &mut self,
        header: &Header<'_>,
        len: usize,
        from_orig: bool,
        history: &mut History,
        take: &mut dyn FnMut(bool, Piece<'_>),
        effect: &mut Effect,
    ) {
        let past = header.seq.wrapping_add(segment_len(len, header.flags));
        let (end, peer) = self.ends(from_orig);
        let position = i64::from(delta(header.seq, end.start));
        history.note(if len > 0 { Letter::Data } else { Letter::Ack }, from_orig);
        note_window(end, peer, header, from_orig, history, &mut effect.odd);
        let acked = acknowledge(end, peer, header, &mut effect.odd);
        if past != end.last.number {
            end.last.advance(past);
        }
        self.peer_acknowledged(from_orig, acked, history, take);
        self.deliver(header, len, position, from_orig, take, &mut effect.odd);
    }

    fn any_segment(
        &mut self,
        header: &Header<'_>,
        len: usize,
        from_orig: bool,
        history: &mut History,
        take: &mut dyn FnMut(bool, Piece<'_>),
        effect: &mut Effect,
    ) {
        let flags = header.flags;
        let answer_alone = !flags.syn() && self.orig.state == State::SynAckSent && history.is_answer_alone();
        if answer_alone {
            self.flip();
            history.answered_first();
        }
        let from_orig = from_orig != answer_alone;
        self.note_partial(flags, from_orig);
        let past = header.seq.wrapping_add(segment_len(len, flags));
        let handshake = is_handshake(self.orig.state) || is_handshake(self.resp.state);
        let (end, peer) = self.ends(from_orig);
        end.initialise(header, past, peer, &mut effect.odd);
        let position = end.relative(header.seq, end.last);
        if position < 0 && !flags.rst() {
            effect.odd.note("TCP_seq_underflow_or_misorder");
        }
        note_history(end, flags, position.cast_unsigned(), len, from_orig, history);
        note_window(end, peer, header, from_orig, history, &mut effect.odd);
        if flags.syn() {
            odd_syn(flags, len, &mut effect.odd);
            open_window(end, peer, header);
        }
        if flags.fin() {
            end.fins = end.fins.saturating_add(1);
            end.fin_at = position.cast_unsigned().wrapping_add(u64::from(segment_len(len, flags)));
        }
        let acked = if flags.ack() { acknowledge(end, peer, header, &mut effect.odd) } else { 0 };
        let (ahead, repeated) = end.reach(past, flags, len);
        if repeated {
            history.scaled(b'T', from_orig, &mut end.retransmissions);
        }
        let close = self.advance(&Step { header, len, from_orig, ahead }, history, effect);
        // The ends may have changed their parts.
        let from_orig = from_orig != effect.flip;
        let settled = !is_handshake(self.orig.state) || !is_handshake(self.resp.state);
        effect.settled = handshake && settled;
        if flags.ack() {
            self.peer_acknowledged(from_orig, acked, history, take);
            self.check_end(!from_orig, effect);
        }
        self.see(from_orig);
        self.deliver(header, len, position, from_orig, take, &mut effect.odd);
        self.check_end(from_orig, effect);
        if close {
            self.close(from_orig, effect);
        }
        effect.flip ^= answer_alone;
    }

    /// Whether a SYN that meets this connection opens a new one on the same ports.
    pub(crate) fn is_reused_by(&self, header: &Header<'_>) -> bool {
        if !header.flags.syn() {
            return false;
        }
        let opener = if header.flags.ack() {
            if self.orig.state != State::Inactive {
                return false;
            }
            &self.resp
        } else {
            &self.orig
        };
        if self.is_closed() || self.orig.state == State::Reset || self.resp.state == State::Reset {
            return true;
        }
        let reversed = !header.flags.ack()
            && opener.state == State::SynAckSent
            && self.resp.state == State::Inactive
            && header.seq == self.resp.start;
        header.seq != opener.start && !reversed
    }

    /// Zeek's name for a reuse that should not be, if it should not be.
    pub(crate) fn odd_reuse(&self, header: &Header<'_>) -> Option<&'static str> {
        let reset = self.orig.state == State::Reset || self.resp.state == State::Reset;
        let opener = if header.flags.ack() { &self.resp } else { &self.orig };
        if !self.is_closed() && !reset {
            return Some(if opener.state == State::SynSent {
                "SYN_seq_jump"
            } else if self.orig.is_active() || self.resp.is_active() {
                "active_connection_reuse"
            } else {
                "premature_connection_reuse"
            });
        }
        ((self.orig.is_active() || self.resp.is_active()) && !reset).then_some("active_connection_reuse")
    }

    /// Memory of the bytes that wait.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.orig.stream.held() + self.resp.stream.held()
    }

    /// Gives up all holes: what waits is delivered.
    pub(crate) fn let_go(&mut self, take: &mut dyn FnMut(bool, Piece<'_>)) {
        self.orig.stream.let_go(&mut |piece| take(true, piece));
        self.resp.stream.let_go(&mut |piece| take(false, piece));
    }

    /// Both ends have closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.orig.did_close && self.resp.did_close
    }

    /// Nobody has answered the SYN.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.orig.state, State::SynSent | State::SynAckSent) && self.resp.state == State::Inactive
    }

    /// One end has closed or reset and the other will not.
    pub(crate) fn is_over(&self) -> bool {
        let either = |state| self.orig.state == state || self.resp.state == state;
        (self.orig.did_close || self.resp.did_close)
            && (self.is_closed() || either(State::Reset) || either(State::Inactive))
    }

    /// The ends change their parts.
    pub(crate) fn flip(&mut self) {
        std::mem::swap(&mut self.orig, &mut self.resp);
        std::mem::swap(&mut self.seen_orig, &mut self.seen_resp);
        self.partial = false;
    }

    fn ends(&mut self, from_orig: bool) -> (&mut End, &mut End) {
        if from_orig { (&mut self.orig, &mut self.resp) } else { (&mut self.resp, &mut self.orig) }
    }

    fn see(&mut self, from_orig: bool) {
        if from_orig {
            self.seen_orig = true;
        } else {
            self.seen_resp = true;
        }
    }

    fn note_partial(&mut self, flags: Flags, from_orig: bool) {
        if from_orig && !self.seen_orig {
            self.partial = !flags.syn() || flags.ack();
        } else if !from_orig && !self.seen_resp && !self.partial {
            self.partial = !flags.syn();
        }
    }

    /// The state machine; says whether the sender has closed.
    fn advance(&mut self, step: &Step<'_>, history: &mut History, effect: &mut Effect) -> bool {
        let state = if step.from_orig { self.orig.state } else { self.resp.state };
        match state {
            State::Inactive => self.while_inactive(step, history, effect),
            State::SynSent | State::SynAckSent => self.while_syn(step, effect),
            State::Established | State::Partial => self.while_established(step, effect),
            State::Closed => self.while_closed(step, effect),
            State::Reset => {
                let flags = step.header.flags;
                if flags.syn() {
                    effect.odd.note("SYN_after_reset");
                }
                if flags.fin() {
                    effect.odd.note("FIN_after_reset");
                }
                if step.len > 0 && !flags.rst() {
                    effect.odd.note("data_after_reset");
                }
                false
            }
        }
    }

    fn while_inactive(&mut self, step: &Step<'_>, history: &mut History, effect: &mut Effect) -> bool {
        let flags = step.header.flags;
        let mut from_orig = step.from_orig;
        if flags.syn() {
            if from_orig {
                self.first_syn(flags, effect);
            } else {
                self.answering_syn(step, history, effect);
                from_orig = effect.flip;
            }
        }
        let (end, peer) = self.ends(from_orig);
        if flags.fin() {
            end.set(State::Closed);
            if peer.state != State::Partial && !flags.syn() {
                effect.odd.note("spontaneous_FIN");
            }
        }
        if flags.rst() {
            end.set(State::Reset);
            if peer.state == State::Inactive {
                effect.odd.note("spontaneous_RST");
            }
        }
        if end.state == State::Inactive {
            let early_ack = !from_orig && step.len == 0 && peer.state == State::SynSent;
            if early_ack {
                // Some stacks acknowledge a SYN before they answer it.
            } else if flags.ack() && peer.state == State::Established {
                // The SYN was missed, its answer was not.
                end.set(State::Established);
                self.partial = false;
                self.see(from_orig);
            } else {
                end.set(State::Partial);
            }
        }
        flags.fin() || flags.rst()
    }

    fn first_syn(&mut self, flags: Flags, effect: &mut Effect) {
        if flags.ack() {
            effect.odd.note("connection_originator_SYN_ack");
            self.orig.set(State::SynAckSent);
        } else {
            self.orig.set(State::SynSent);
        }
    }

    /// A SYN from the responder: the usual answer, or one of its odd relatives.
    fn answering_syn(&mut self, step: &Step<'_>, history: &mut History, effect: &mut Effect) {
        let flags = step.header.flags;
        let (end, peer) = self.ends(false);
        let reversed = peer.state == State::SynAckSent && step.header.seq == end.start;
        if flags.ack() {
            let known = !matches!(peer.state, State::Inactive | State::Partial);
            let ack = step.header.ack;
            if known && (delta(ack, peer.start) < 0 || delta(ack, peer.last.number) > 0) {
                effect.odd.note("bad_SYN_ack");
            }
        } else if reversed {
            // SYN and its answer were captured in the wrong order.
            peer.set(State::Established);
            effect.flip = true;
            history.flipped();
        } else {
            effect.odd.note("simultaneous_open");
        }
        match peer.state {
            State::SynSent => peer.set(State::Established),
            State::Inactive => effect.odd.note("unsolicited_SYN_response"),
            State::SynAckSent | State::Partial | State::Established | State::Closed | State::Reset => {}
        }
        end.set(State::Established);
        if effect.flip {
            self.flip();
            self.see(true);
        }
    }

    fn while_syn(&mut self, step: &Step<'_>, effect: &mut Effect) -> bool {
        let flags = step.header.flags;
        let (end, peer) = self.ends(step.from_orig);
        if flags.syn() {
            let plain = flags.ack() && !flags.fin() && !flags.rst();
            if step.from_orig && plain && end.state != State::SynAckSent {
                effect.odd.note("repeated_SYN_with_ack");
            } else if !step.from_orig && !flags.ack() && end.state != State::SynSent {
                effect.odd.note("repeated_SYN_reply_wo_ack");
            }
        }
        if flags.fin() {
            if matches!(peer.state, State::Inactive | State::SynSent) {
                effect.odd.note("inappropriate_FIN");
            }
            end.set(State::Closed);
        }
        if flags.rst() {
            end.set(State::Reset);
            self.finished = true;
        } else if step.len > 0 {
            effect.odd.note("data_before_established");
        }
        flags.fin() || flags.rst()
    }

    fn while_established(&mut self, step: &Step<'_>, effect: &mut Effect) -> bool {
        let flags = step.header.flags;
        let (end, peer) = self.ends(step.from_orig);
        if flags.syn() && end.state == State::Partial && peer.state == State::Inactive && !flags.ack() {
            effect.odd.note("SYN_after_partial");
            end.set(State::SynSent);
        }
        if flags.fin() && !flags.rst() {
            end.set(State::Closed);
            if peer.state == State::Reset && peer.before == State::Closed {
                // FIN and then RST is how some stacks close; with this FIN it was a proper close.
                peer.set(State::Closed);
            }
        }
        if flags.rst() {
            end.set(State::Reset);
            if peer.state != State::Reset || peer.before != State::Established {
                self.finished = true;
            }
        }
        flags.fin() || flags.rst()
    }

    fn while_closed(&mut self, step: &Step<'_>, effect: &mut Effect) -> bool {
        let flags = step.header.flags;
        if flags.syn() {
            effect.odd.note("SYN_after_close");
        }
        if flags.fin() && step.ahead > 0 {
            effect.odd.note("FIN_advanced_last_seq");
        }
        let (end, peer) = self.ends(step.from_orig);
        if !flags.rst() || peer.state == State::Closed {
            return false;
        }
        end.set(State::Reset);
        !end.did_close
    }

    /// The sender has acknowledged what its peer sent up to `position`.
    fn peer_acknowledged(
        &mut self,
        from_orig: bool,
        position: u64,
        history: &mut History,
        take: &mut dyn FnMut(bool, Piece<'_>),
    ) {
        let partial = self.partial;
        let (end, peer) = self.ends(from_orig);
        let position = if peer.fins > 0 { position.min(peer.fin_at.wrapping_sub(1)) } else { position };
        if position <= 2 && partial {
            // The presumed SYN, or a keep-alive: nothing is missing.
            peer.stream.skip_to(position);
        }
        let clean = end.is_clean() && peer.is_clean();
        let missing = peer.stream.acknowledged(position, &mut |piece| take(!from_orig, piece));
        if missing > 0 && clean {
            history.scaled(b'G', !from_orig, &mut peer.gaps);
            self.missed_bytes += missing;
        }
    }

    fn deliver(
        &mut self,
        header: &Header<'_>,
        len: usize,
        position: i64,
        from_orig: bool,
        take: &mut dyn FnMut(bool, Piece<'_>),
        odd: &mut Odd,
    ) {
        if len == 0 || header.flags.rst() || position < 0 {
            return;
        }
        let Some(data) = header.payload.get(..len) else {
            odd.note("truncated_tcp_payload");
            return;
        };
        let position = position.cast_unsigned() + u64::from(header.flags.syn());
        let (end, _) = self.ends(from_orig);
        let acknowledged = !end.no_data_acked();
        end.stream.segment(position, data, acknowledged, &mut |piece| take(from_orig, piece));
        if !acknowledged && end.stream.is_far_ahead() {
            odd.note("above_hole_data_without_any_acks");
        }
    }

    /// A close that waited for data can be told once the data is there.
    fn check_end(&mut self, from_orig: bool, effect: &mut Effect) {
        if !self.close_deferred {
            return;
        }
        let (end, peer) = self.ends(from_orig);
        let ended = end.fins > 0 || matches!(end.state, State::Closed | State::Reset);
        if ended && !end.data_pending(peer) {
            self.close(from_orig, effect);
            self.close_deferred = false;
        }
    }

    fn close(&mut self, from_orig: bool, effect: &mut Effect) {
        let (end, peer) = self.ends(from_orig);
        if end.data_pending(peer) {
            self.close_deferred = true;
            return;
        }
        if end.did_close {
            return;
        }
        end.did_close = true;
        let complete = end.state == State::Reset || peer.did_close || peer.state == State::Inactive;
        effect.complete |= complete;
        effect.half_closed |= !complete;
        self.close_deferred = false;
        self.finished |= complete;
    }
}

fn is_handshake(state: State) -> bool {
    matches!(state, State::Inactive | State::SynSent | State::SynAckSent)
}

/// Sequence numbers that a segment takes up.
fn segment_len(len: usize, flags: Flags) -> u32 {
    let data = if flags.rst() { 0 } else { u32::try_from(len).unwrap_or(u32::MAX) };
    data.wrapping_add(u32::from(flags.syn())).wrapping_add(u32::from(flags.fin()))
}

fn note_history(end: &mut End, flags: Flags, position: u64, len: usize, orig: bool, history: &mut History) {
    let set = u8::from(flags.syn()) + u8::from(flags.fin()) + u8::from(flags.rst());
    if set > 1 {
        let both = flags.fin() && flags.rst();
        history.note(if both { Letter::FinAndRst } else { Letter::ManyFlags }, orig);
    } else if flags.syn() {
        let letter = if flags.ack() { Letter::SynAck } else { Letter::Syn };
        repeat(history, letter, orig, position, &mut end.last_syn);
    } else if flags.fin() {
        let at = position.wrapping_add(u64::try_from(len).unwrap_or_default());
        repeat(history, Letter::Fin, orig, at, &mut end.last_fin);
    } else if flags.rst() {
        repeat(history, Letter::Rst, orig, position, &mut end.last_rst);
    } else if len > 0 {
        history.note(Letter::Data, orig);
    } else if flags.ack() {
        history.note(Letter::Ack, orig);
    }
}

/// A control bit counts again when it comes at another place of the stream.
fn repeat(history: &mut History, letter: Letter, orig: bool, at: u64, last: &mut u64) {
    if history.note(letter, orig) && at != *last {
        history.again(letter, orig);
    }
    *last = at;
}

fn odd_syn(flags: Flags, len: usize, odd: &mut Odd) {
    if flags.rst() {
        odd.note("TCP_christmas");
    }
    if flags.urg() {
        odd.note("baroque_SYN");
    }
    if len > 0 {
        odd.note("SYN_with_data");
    }
}

fn note_window(end: &mut End, peer: &End, h: &Header<'_>, orig: bool, history: &mut History, odd: &mut Odd) {
    let flags = h.flags;
    let window = u32::from(h.window) << end.window.scale;
    if window == 0 && !flags.rst() && peer.state != State::Closed && end.state != State::Reset {
        history.scaled(b'W', orig, &mut end.zero_windows);
    }
    let control = flags.syn() || flags.fin() || flags.rst();
    if control || matches!(end.state, State::Closed | State::Reset) {
        return;
    }
    let known = &mut end.window;
    if delta(h.seq, known.seq) < 0 || delta(h.ack, known.ack) < 0 {
        return;
    }
    let advance = delta(h.ack.wrapping_add(window), known.ack.wrapping_add(known.size));
    if advance < 0 && advance.unsigned_abs() >= 1 << known.scale {
        odd.note("window_recision");
    }
    (known.size, known.ack, known.seq) = (window, h.ack, h.seq);
}

/// RFC 7323, 2.2: scaling holds when both SYNs ask for it; 14 is the most.
fn open_window(end: &mut End, peer: &mut End, h: &Header<'_>) {
    match h.window_scale() {
        None if h.flags.ack() => (end.window.scale, peer.window.scale) = (0, 0),
        None => end.window.scale = 0,
        Some(scale) => {
            end.window.scale = scale.min(14);
            (end.window.seq, end.window.ack) = (h.seq, h.ack);
            (peer.window.seq, peer.window.ack) = (h.ack, h.seq);
        }
    }
}

/// Takes the acknowledgment; returns its position in the peer's stream.
fn acknowledge(end: &End, peer: &mut End, h: &Header<'_>, odd: &mut Odd) -> u64 {
    let flags = h.flags;
    if peer.state == State::Inactive {
        let opened = matches!(end.state, State::SynSent | State::SynAckSent | State::Established);
        if opened && !flags.syn() && !flags.fin() && !flags.rst() {
            odd.note("possible_split_routing");
        }
        let start = h.ack.wrapping_sub(1);
        peer.begin(start, start);
        return 1;
    }
    let position = peer.relative(h.ack, peer.ack);
    if position < 0 {
        odd.note("TCP_ack_underflow_or_misorder");
        return 0;
    }
    let ahead = delta(h.ack, peer.ack.number);
    let broken = h.ack == 0 && ahead > JUMP_MAX;
    if !flags.rst() && ahead > 0 && !broken {
        peer.ack.advance(h.ack);
    }
    position.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of what was handed out, by side.
    type Taken = Vec<(bool, Result<usize, u64>)>;

    fn segment(
        tcp: &mut Tcp,
        history: &mut History,
        header: &Header<'_>,
        from_orig: bool,
        shortcut: bool,
    ) -> (Taken, String) {
        let (mut taken, mut effect, len) = (vec![], Effect::default(), header.payload.len());
        let mut take = |side: bool, piece: Piece<'_>| {
            taken.push((
                side,
                match piece {
                    Piece::Data(data) => Ok(data.len()),
                    Piece::Gap(count) => Err(count),
                },
            ));
        };
        if shortcut {
            tcp.segment(header, len, from_orig, history, &mut take, &mut effect);
        } else {
            tcp.any_segment(header, len, from_orig, history, &mut take, &mut effect);
        }
        (taken, format!("{effect:?}"))
    }

    #[test]
    fn the_short_way_of_a_steady_segment_leads_where_the_long_one_does() {
        let mut steady = 0;
        arbtest::arbtest(|u| {
            let (mut short, mut long) =
                ((Tcp::default(), History::default()), (Tcp::default(), History::default()));
            let mut next = [u.arbitrary::<u32>()?, u.arbitrary()?];
            let data = [0; 40];
            for number in 0..u.int_in_range(0..=40)? {
                let from_orig = if number < 3 { number != 1 } else { u.arbitrary()? };
                let (own, other) = (usize::from(!from_orig), usize::from(from_orig));
                let usual = [0x02, 0x12, 0x10].get(number).copied().unwrap_or(0x18);
                let flags = Flags(if u.ratio(1, 30)? { u.arbitrary()? } else { usual });
                let payload = &data[..if number < 3 { 0 } else { u.int_in_range(0..=40)? }];
                let odd = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
                    Ok(if u.ratio(1, 20)? { u.int_in_range(0..=100u32)?.wrapping_sub(50) } else { 0 })
                };
                let header = Header {
                    source: 1,
                    destination: 2,
                    seq: next[own].wrapping_add(odd(u)?),
                    ack: next[other].wrapping_add(odd(u)?),
                    flags,
                    window: if u.ratio(1, 30)? { 0 } else { 500 },
                    options: &[],
                    header_len: 20,
                    payload,
                };
                steady += u32::from(short.0.is_steady(&header, from_orig));
                let a = segment(&mut short.0, &mut short.1, &header, from_orig, true);
                let b = segment(&mut long.0, &mut long.1, &header, from_orig, false);
                assert_eq!(a, b);
                assert_eq!(format!("{short:?}"), format!("{long:?}"));
                next[own] = header.seq.wrapping_add(segment_len(payload.len(), flags));
            }
            Ok(())
        });
        assert!(steady > 100, "the short way was taken");
    }
}

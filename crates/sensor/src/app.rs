//! Finds out which protocol a conversation speaks, and hands its PDUs to the decoder.

use crate::candidates;
use crate::services::Services;
use crate::stream::Piece;
use model::{Conversation, Rows, Span};
use protocols::{Guess, Known, Out, Protocol, Session, Side, Stamp};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::Cut;

/// What is known about the protocol of a conversation.
#[derive(Default)]
pub(crate) enum App {
    /// Nothing was seen yet.
    #[default]
    New,
    /// So many pieces were looked at, and none was of a protocol that is decoded.
    Looked(u8, Services),
    Speaking(Box<Speaking>),
    /// Nothing that is decoded; perhaps something that has a name.
    Unknown(Services),
}

/// A conversation whose protocol is known, or strongly presumed.
pub(crate) struct Speaking {
    protocol: &'static Protocol,
    session: Box<dyn Session>,
    client: Half,
    server: Half,
    confirmed: bool,
    reversed: bool,
    /// Something was left undecoded since it was asked the last time.
    left_out: bool,
    /// Protocols inside this one that were found too.
    inside: Vec<&'static str>,
    /// PDUs that broke the standard, up to 255.
    damaged: u8,
    /// What the session holds.
    held: usize,
}

/// One direction of a stream between PDUs.
#[derive(Default)]
struct Half {
    /// The beginning of a PDU whose rest is still to come.
    partial: Vec<u8>,
    /// The place of the next PDU is not known: bytes were lost.
    lost: bool,
}

/// Pieces of a conversation that are looked at before it is given up as unknown.
const LOOKS_MAX: u8 = 10;
/// Damaged PDUs before the first good one after which the protocol was a wrong guess.
const DAMAGED_MAX: u8 = 4;
/// Damaged PDUs of one conversation that have a row in `weird`; nonsense must not fill the disk.
const TOLD_MAX: u8 = 250;
/// The longest beginning of a PDU that is kept; framings allow no longer PDU.
const PARTIAL_MAX: usize = 256 * 1024;

/// Sessions of conversations that are over, to be used again with their buffers.
#[derive(Default)]
pub(crate) struct Spares {
    #[allow(clippy::vec_box, reason = "the box goes from conversation to conversation")]
    kept: Vec<Box<Speaking>>,
}

/// Sessions that are kept; further ones are let go.
const SPARES_MAX: usize = 256;

impl Spares {
    fn speaking(&mut self, protocol: &'static Protocol) -> Box<Speaking> {
        // The last one kept is most likely still in the processor's memory.
        let found = self.kept.iter().rposition(|kept| std::ptr::eq(kept.protocol, protocol));
        let kept = found.map(|place| self.kept.swap_remove(place));
        kept.unwrap_or_else(|| Box::new(Speaking::new(protocol)))
    }

    fn keep(&mut self, mut over: Box<Speaking>) {
        if self.kept.len() < SPARES_MAX && over.session.renew() {
            over.client.renew();
            over.server.renew();
            over.inside.clear();
            (over.confirmed, over.reversed, over.left_out) = (false, false, false);
            (over.damaged, over.held) = (0, 0);
            self.kept.push(over);
        }
    }
}

/// Bytes of a buffer that is kept while there is next to nothing in it.
const PARTIAL_KEPT_MAX: usize = 512;

/// What a decoder needs beside the bytes.
pub(crate) struct Context<'a> {
    pub(crate) rows: &'a mut dyn Rows,
    pub(crate) known: &'a mut Known,
    pub(crate) spares: &'a mut Spares,
    pub(crate) conversation: &'a Conversation,
    pub(crate) now: Stamp,
    /// Decoders that panicked, over all conversations.
    pub(crate) panics: &'a mut u64,
}

impl App {
    /// The silence after which a conversation of this protocol is over, where the protocol says so.
    pub(crate) fn quiet(&self) -> Option<Span> {
        match self {
            App::Speaking(speaking) if speaking.confirmed => speaking.protocol.quiet,
            App::New | App::Looked(..) | App::Speaking(_) | App::Unknown(_) => None,
        }
    }

    /// What the `service` column says: the protocol, with those inside it, or what is known by name only.
    pub(crate) fn service(&self) -> Option<Cow<'static, str>> {
        match self {
            App::Speaking(speaking) if speaking.confirmed => Some(speaking.names()),
            App::Looked(_, services) | App::Unknown(services) => services.text().map(Cow::from),
            App::New | App::Speaking(_) => None,
        }
    }

    /// Takes the next piece of a TCP stream.
    #[inline]
    pub(crate) fn stream(&mut self, from: Side, piece: Piece<'_>, context: &mut Context<'_>) {
        match self {
            App::Unknown(_) => {}
            App::Speaking(speaking) => {
                if fenced(context, |context| speaking.stream(from, piece, context))
                    || speaking.is_wrong_guess()
                {
                    *self = App::Unknown(Services::default());
                }
            }
            App::New => self.look(0, Services::default(), from, piece, context),
            App::Looked(looks, services) => {
                let (looks, services) = (*looks, *services);
                self.look(looks, services, from, piece, context);
            }
        }
    }

    fn look(
        &mut self,
        looks: u8,
        mut services: Services,
        from: Side,
        piece: Piece<'_>,
        context: &mut Context<'_>,
    ) {
        let Piece::Data(data) = piece else { return };
        let ports = [context.conversation.resp.port, context.conversation.orig.port];
        let spoken = candidates::streams(data).find(|protocol| {
            protocol.tcp.as_ref().is_some_and(|tcp| {
                let own = ports.iter().any(|port| tcp.ports.contains(port));
                accepts((protocol.recognise)(data, from), own)
            })
        });
        match spoken {
            Some(protocol) => {
                *self = App::Speaking(context.spares.speaking(protocol));
                self.stream(from, piece, context);
            }
            None => {
                services.look(data, context.conversation.resp.port);
                let enough = looks + 1 >= LOOKS_MAX;
                *self = if enough { App::Unknown(services) } else { App::Looked(looks + 1, services) };
            }
        }
    }

    /// Takes a datagram.
    #[inline]
    pub(crate) fn datagram(&mut self, from: Side, data: &[u8], context: &mut Context<'_>) {
        match self {
            App::Unknown(_) => {}
            App::Speaking(speaking) => {
                if fenced(context, |context| speaking.pdu(from, data, context)) || speaking.is_wrong_guess() {
                    *self = App::Unknown(Services::default());
                }
            }
            App::New | App::Looked(..) => {
                let ports = [context.conversation.resp.port, context.conversation.orig.port];
                let spoken = candidates::datagrams(data).find(|protocol| {
                    let own = ports.iter().any(|port| protocol.udp.contains(port));
                    accepts((protocol.recognise)(data, from), own)
                });
                let Some(protocol) = spoken else {
                    *self = match self {
                        App::Looked(looks, services) if *looks + 1 >= LOOKS_MAX => App::Unknown(*services),
                        App::Looked(looks, services) => App::Looked(*looks + 1, *services),
                        App::New | App::Speaking(_) | App::Unknown(_) => App::Looked(1, Services::default()),
                    };
                    return;
                };
                *self = App::Speaking(context.spares.speaking(protocol));
                self.datagram(from, data, context);
            }
        }
    }

    /// Whether the decoder has found since the last call that the ends must change their parts.
    pub(crate) fn take_reversal(&mut self) -> bool {
        match self {
            App::Speaking(speaking) => std::mem::take(&mut speaking.reversed),
            App::New | App::Looked(..) | App::Unknown(_) => false,
        }
    }

    /// Whether something was left undecoded since the last call.
    #[inline]
    pub(crate) fn take_left_out(&mut self) -> bool {
        match self {
            App::Speaking(speaking) => std::mem::take(&mut speaking.left_out),
            App::New | App::Looked(..) | App::Unknown(_) => false,
        }
    }

    /// Memory that is held until more comes.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        match self {
            App::Speaking(of) => of.held + of.client.partial.capacity() + of.server.partial.capacity(),
            App::New | App::Looked(..) | App::Unknown(_) => 0,
        }
    }

    /// Lets go of what is held: halves of PDUs are lost, the session writes what waits.
    pub(crate) fn let_go(&mut self, context: &mut Context<'_>) {
        let App::Speaking(speaking) = self else { return };
        speaking.client.let_go();
        speaking.server.let_go();
        speaking.held = 0;
        let panicked = fenced(context, |context| {
            let mut out = speaking.out(context);
            speaking.session.let_go(&mut out);
        });
        if panicked {
            *self = App::Unknown(Services::default());
        }
    }

    /// The conversation is over.
    pub(crate) fn end(&mut self, context: &mut Context<'_>) {
        if let App::Speaking(speaking) = self {
            let panicked = fenced(context, |context| {
                let mut out = speaking.out(context);
                speaking.session.end(&mut out);
            });
            if panicked {
                *self = App::Unknown(Services::default());
            }
        }
    }

    /// Nothing more is to be asked of it: its session can be used again.
    pub(crate) fn recycle(self, spares: &mut Spares) {
        if let App::Speaking(speaking) = self {
            spares.keep(speaking);
        }
    }
}

/// Whether the look of the bytes is enough, on the protocol's `own` port or elsewhere.
fn accepts(guess: Guess, own: bool) -> bool {
    match guess {
        Guess::Sure => true,
        Guess::Maybe | Guess::NeedMore => own,
        Guess::No => false,
    }
}

/// Runs a decoder so that its panic costs one conversation; says whether it panicked.
fn fenced(context: &mut Context<'_>, run: impl FnOnce(&mut Context<'_>)) -> bool {
    let panicked = catch_unwind(AssertUnwindSafe(|| run(context))).is_err();
    if panicked {
        *context.panics += 1;
        let mut out = Out::new(context.rows, context.conversation, context.now, "sensor");
        out.weird("decoder_panic", Some("the rest of the conversation is not decoded"));
    }
    panicked
}

impl Half {
    fn renew(&mut self) {
        self.lost = false;
        let mut partial = std::mem::take(&mut self.partial);
        partial.clear();
        self.keep(partial);
    }

    /// Keeps the beginning of a PDU. A buffer that had to be large once need not stay so.
    fn keep(&mut self, mut partial: Vec<u8>) {
        if partial.capacity() > PARTIAL_KEPT_MAX.max(partial.len() * 4) {
            partial.shrink_to(PARTIAL_KEPT_MAX);
        }
        self.partial = partial;
    }

    /// What is there of a PDU is lost, and its rest will be.
    fn let_go(&mut self) {
        self.lost |= !self.partial.is_empty();
        self.partial = vec![];
    }
}

impl Speaking {
    fn new(protocol: &'static Protocol) -> Self {
        Self {
            protocol,
            session: (protocol.open)(),
            client: Half::default(),
            server: Half::default(),
            confirmed: false,
            reversed: false,
            left_out: false,
            inside: vec![],
            damaged: 0,
            held: 0,
        }
    }

    /// In alphabetical order, with commas between them.
    fn names(&self) -> Cow<'static, str> {
        if self.inside.is_empty() {
            return self.protocol.name.into();
        }
        let mut names = self.inside.clone();
        names.push(self.protocol.name);
        names.sort_unstable();
        names.join(",").into()
    }

    fn is_wrong_guess(&self) -> bool {
        !self.confirmed && self.damaged >= DAMAGED_MAX
    }

    fn out<'a>(&self, context: &'a mut Context<'_>) -> Out<'a> {
        Out::new(context.rows, context.conversation, context.now, self.protocol.name).knowing(context.known)
    }

    fn pdu(&mut self, from: Side, bytes: &[u8], context: &mut Context<'_>) {
        let mut out = Out::new(context.rows, context.conversation, context.now, self.protocol.name)
            .knowing(context.known);
        let read = self.session.pdu(from, bytes, &mut out);
        self.confirmed |= out.is_confirmed();
        self.reversed |= out.is_reversed();
        self.left_out |= out.is_left_out();
        self.held = out.held();
        for name in out.inside() {
            if !self.inside.contains(&name) {
                self.inside.push(name);
            }
        }
        if let Err(error) = read {
            self.damaged = self.damaged.saturating_add(1);
            let told = self.damaged < TOLD_MAX;
            if told && (self.confirmed || self.damaged < DAMAGED_MAX) {
                out.weird("damaged_pdu", Some(&error.to_string()));
            }
        }
    }

    fn stream(&mut self, from: Side, piece: Piece<'_>, context: &mut Context<'_>) {
        match piece {
            Piece::Gap(_) => {
                let half = self.half(from);
                half.partial.clear();
                half.lost = true;
            }
            Piece::Data(data) => self.data(from, data, context),
        }
    }

    fn half(&mut self, from: Side) -> &mut Half {
        match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn data(&mut self, from: Side, data: &[u8], context: &mut Context<'_>) {
        let recognise = self.protocol.recognise;
        let half = self.half(from);
        if half.lost {
            // After a loss a PDU most likely begins where a segment does.
            if recognise(data, from) == Guess::No {
                return;
            }
            half.lost = false;
        }
        if half.partial.is_empty() {
            let used = self.cut(from, data, context);
            self.keep(from, data.get(used..).unwrap_or_default());
            return;
        }
        let mut joined = std::mem::take(&mut half.partial);
        joined.extend_from_slice(data);
        let used = self.cut(from, &joined, context);
        joined.drain(..used);
        if joined.len() <= PARTIAL_MAX {
            self.half(from).keep(joined);
        }
    }

    fn keep(&mut self, from: Side, rest: &[u8]) {
        if !rest.is_empty() && rest.len() <= PARTIAL_MAX {
            self.half(from).partial.extend_from_slice(rest);
        }
    }

    /// Hands out the whole PDUs at the start of `data`; returns how many bytes are dealt with.
    fn cut(&mut self, from: Side, data: &[u8], context: &mut Context<'_>) -> usize {
        let Some(framing) = self.protocol.tcp.as_ref().map(|tcp| tcp.framing) else { return data.len() };
        let mut used = 0;
        while let Some(rest) = data.get(used..).filter(|rest| !rest.is_empty()) {
            match framing.cut(rest) {
                Cut::Whole(count) => {
                    self.pdu(from, rest.get(..count).unwrap_or(rest), context);
                    used += count.max(1);
                    // Where segments end must not decide how soon a wrong guess is seen.
                    if self.is_wrong_guess() {
                        return data.len();
                    }
                }
                Cut::NeedMore => return used,
                Cut::Lost => {
                    self.damaged = self.damaged.saturating_add(1);
                    if self.confirmed && self.damaged < TOLD_MAX {
                        self.out(context).weird("lost_framing", Some("the length of a PDU is not possible"));
                    }
                    self.half(from).lost = true;
                    return data.len();
                }
            }
        }
        used.min(data.len())
    }
}

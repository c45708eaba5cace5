use super::acts::{frames_mark, ms};
use super::stage::Stage;
use super::truth::Mark;
use crate::mail;
use crate::script::{Mail, Step};
use crate::tcp::Side;
use model::Span;

impl<'a> Stage<'a> {
    /// Delivers a mail to the mail server and keeps it as a file.
    pub(crate) fn mail(&mut self, step: &'a Step, mail: &'a Mail) {
        let at = self.time(step);
        let domain = mail.from.rsplit('@').next().unwrap_or_default();
        let number = crate::random::fnv1a(step.name.as_bytes());
        let (message_id, relay_ip) = (format!("<{number:016x}@{domain}>"), mail.relay.ip.to_string());
        let letter = mail::Mail {
            from: &mail.from,
            from_name: &mail.person,
            to: &mail.to,
            subject: &mail.subject,
            text: &mail.text,
            attachment: mail.attachment.as_deref(),
            message_id: &message_id,
            sent: at,
            relay: (&mail.relay.fqdn, &relay_ip),
            server: &mail.server.fqdn,
        };
        let before = self.tape.len();
        let (mut talk, _) = self.open(&step.name, &mail.relay, (&mail.server, 25), at);
        let mut random = self.random(&format!("mail {}", step.name));
        for (said, answered) in letter.delivery() {
            if !said.is_empty() {
                talk.say(&mut self.tape, Side::Client, ms(random.between(18, 26)), said.as_bytes());
            }
            let thought = Span(random.between(600_000, 9_000_000));
            talk.say(&mut self.tape, Side::Server, thought, answered.as_bytes());
        }
        let end = talk.now() + ms(1);
        talk.close(&mut self.tape, Side::Server, end);
        let file = format!("{}.eml", step.name);
        self.mails.push((talk.now(), file.clone(), letter.eml().into_bytes()));
        let marks = vec![("mail", Mark::File(file)), ("frames", frames_mark(self.tape.since(before)))];
        let with = mail.attachment.as_deref().map_or(String::new(), |name| format!(" with {name}"));
        self.note(step, format!("{} gets a mail from {}{with}", mail.to, mail.from), marks);
    }
}

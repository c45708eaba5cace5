use mail_parser::{Message, PartType};

/// Links that are kept; further ones are left out.
const LINKS_MAX: usize = 256;
/// Length of a link, in bytes; longer ones are cut.
const LINK_MAX: usize = 2048;
/// Bytes of one body that are searched.
const BODY_MAX: usize = 1024 * 1024;

/// Addresses of the web in the text and HTML bodies, each once, in their order.
pub(super) fn links(message: &Message<'_>) -> Vec<String> {
    let mut found = vec![];
    for part in message.text_bodies().chain(message.html_bodies()) {
        match &part.body {
            PartType::Text(text) => gather(text, false, &mut found),
            PartType::Html(text) => gather(text, true, &mut found),
            PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_)
            | PartType::Multipart(_) => {}
        }
    }
    found
}

fn gather(body: &str, html: bool, found: &mut Vec<String>) {
    let body = body.get(..body.floor_char_boundary(BODY_MAX)).unwrap_or_default();
    let mut end = 0;
    for (at, colon) in body.match_indices("://") {
        if found.len() >= LINKS_MAX {
            return;
        }
        if at < end {
            continue;
        }
        let Some(link) = link(body, at) else { continue };
        end = at + colon.len() + link.len();
        let link = if html { link.replace("&amp;", "&") } else { link.to_owned() };
        if !found.contains(&link) {
            found.push(link);
        }
    }
}

/// The link whose `://` stands at `at`.
fn link(body: &str, at: usize) -> Option<&str> {
    let before = body.get(..at)?;
    let scheme = ["https", "http", "ftp"].into_iter().find(|scheme| {
        let tail = before.len().checked_sub(scheme.len()).and_then(|from| before.get(from..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(scheme))
    })?;
    let rest = body.get(at - scheme.len()..)?;
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "\"'<>()[]{}\\^`|".contains(c));
    let link = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    let link = link.get(..link.floor_char_boundary(LINK_MAX))?;
    (link.len() > scheme.len() + 3).then_some(link)
}

/// What the receiving server found (RFC 8601, 2.2), per method; the first result of each counts.
pub(super) fn results(field: Option<&str>) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = vec![];
    for part in field.unwrap_or_default().split(';').skip(1) {
        let Some((method, rest)) = part.trim_start().split_once('=') else { continue };
        let known =
            ["spf", "dkim", "dmarc"].into_iter().find(|known| known.eq_ignore_ascii_case(method.trim()));
        let word = rest.trim_start().split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if let Some(known) = known
            && !word.is_empty()
            && found.iter().all(|(seen, _)| *seen != known)
        {
            found.push((known, word.to_ascii_lowercase()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str, html: bool) -> Vec<String> {
        let mut found = vec![];
        gather(body, html, &mut found);
        found
    }

    #[test]
    fn links_end_where_the_sentence_or_the_attribute_does() {
        let text = "See https://a.example/x?y=1. Or (HTTP://b.example/), again https://a.example/x?y=1, not http:// or x://y";
        assert_eq!(found(text, false), ["https://a.example/x?y=1", "HTTP://b.example/"]);
        assert_eq!(
            found(r#"<a href="http://c.example/?a=1&amp;b=2">c</a>"#, true),
            ["http://c.example/?a=1&b=2"]
        );
        assert_eq!(found(&"http://a.example/é".repeat(100), false).len(), 1);
    }

    #[test]
    fn the_first_result_of_each_method_counts() {
        let field = "mx.plant.example; spf=Fail (sender) smtp.mailfrom=x@y;\r\n dkim=none; dmarc=fail p=reject; spf=pass";
        let results = results(Some(field));
        assert_eq!(results, [("spf", "fail".into()), ("dkim", "none".into()), ("dmarc", "fail".into())]);
    }
}

use crate::Format::Eml;
use crate::testing::{all, show};
use expect_test::{Expect, expect};

fn check(text: &str, expect: Expect) {
    expect.assert_eq(&show(&all(Eml, text.replace('\n', "\r\n").as_bytes())));
}

#[test]
fn a_mail_names_sender_recipients_and_what_is_attached() {
    check(
        r#"Return-Path: <bounce@northgas-invoices.example>
Authentication-Results: mx.plant.example; spf=fail smtp.mailfrom=northgas-invoices.example;
 dkim=none; dmarc=fail
Received: from mx.plant.example (10.4.0.25)
 by mail.plant.example; Mon, 2 Mar 2026 08:58:03 +0000
Received: from evil by mx.plant.example; Mon, 2 Mar 2026 08:58:01 +0000
From: =?utf-8?q?Northgas_B=C3=BCro?= <Billing@northgas-invoices.example>
To: "Keller, M." <M.Keller@plant.example>, group: a@plant.example, b@plant.example;
Cc: c@plant.example
Subject: =?utf-8?b?UmVjaG51bmcgTcOkcno=?=
Date: Mon, 2 Mar 2026 09:58:00 +0100
Message-ID: <42@northgas-invoices.example>
In-Reply-To: <41@plant.example>
X-Mailer: Thing 1.0
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/html; charset=utf-8

<p>Pay <a href="https://northgas-invoices.example/p?a=1&amp;b=2">here</a>.</p>
--x
Content-Type: application/vnd.ms-word; name="Invoice_2026-03.docm"
Content-Disposition: attachment; filename="Invoice_2026-03.docm"
Content-Transfer-Encoding: base64

UEsDBA==
--x
Content-Type: message/rfc822

From: <inner@x.example>
Subject: inner
Content-Type: multipart/mixed; boundary="y"

--y
Content-Type: application/zip
Content-Disposition: attachment; filename="inner.zip"

PK
--y--
--x--
"#,
        expect![[r#"
            mail 2026-03-02T08:58:00.000000Z 1
              sources tieline/mail/
              from = "billing@northgas-invoices.example"
              from_name = "Northgas Büro"
              to = ["m.keller@plant.example", "a@plant.example", "b@plant.example"]
              cc = ["c@plant.example"]
              subject = "Rechnung März"
              date = "Mon, 2 Mar 2026 09:58:00 +0100"
              message_id = "42@northgas-invoices.example"
              in_reply_to = "41@plant.example"
              return_path = "bounce@northgas-invoices.example"
              user_agent = "Thing 1.0"
              received = ["from mx.plant.example (10.4.0.25) by mail.plant.example; Mon, 2 Mar 2026 08:58:03 +0000", "from evil by mx.plant.example; Mon, 2 Mar 2026 08:58:01 +0000"]
              spf = "fail"
              dkim = "none"
              dmarc = "fail"
              attachments = ["Invoice_2026-03.docm", "inner.zip"]
              attachment_sizes = [4, 2]
              urls = ["https://northgas-invoices.example/p?a=1&b=2"]
              source.user billing@northgas-invoices.example
              target.user m.keller@plant.example
              target.user a@plant.example
              target.user b@plant.example
              target.user c@plant.example
              object.file Invoice_2026-03.docm
              object.file inner.zip
              object.mail 42@northgas-invoices.example
        "#]],
    );
}

#[test]
fn a_message_attached_in_base64_is_looked_into() {
    // From: a@b.example, Content-Type: application/x, Content-Disposition: attachment; filename="message.iso"
    check(
        "From: a@b.example
Subject: a message, a DIGEST
Content-Type: Message/RFC822; name=\"message.eml\"
Content-Transfer-Encoding: base64

RnJvbTogYUBiLmV4YW1wbGUKQ29udGVudC1UeXBlOiBhcHBsaWNhdGlvbi94OyBuYW1lPSJtZXNz
YWdlLmlzbyIKQ29udGVudC1EaXNwb3NpdGlvbjogYXR0YWNobWVudDsgZmlsZW5hbWU9Im1lc3Nh
Z2UuaXNvIgoKeA==
",
        expect![[r#"
            mail 1970-01-01T00:00:00.000000Z 1
              sources tieline/mail/
              from = "a@b.example"
              subject = "a message, a DIGEST"
              attachments = ["message.eml", "message.iso"]
              attachment_sizes = [124, 1]
              source.user a@b.example
              object.file message.eml
              object.file message.iso
        "#]],
    );
}

#[test]
fn a_mail_without_a_date_is_dated_by_its_first_relay() {
    check(
        "Received: by b; Mon, 2 Mar 2026 08:58:03 +0000
Received: by a; Mon, 2 Mar 2026 08:58:01 +0000
From: a@b.example

hi
",
        expect![[r#"
            mail 2026-03-02T08:58:01.000000Z 1
              sources tieline/mail/
              from = "a@b.example"
              received = ["by b; Mon, 2 Mar 2026 08:58:03 +0000", "by a; Mon, 2 Mar 2026 08:58:01 +0000"]
              source.user a@b.example
        "#]],
    );
}

#[test]
fn what_is_no_mail_is_told() {
    check(
        "",
        expect![[r#"
        ! file: no mail message
    "#]],
    );
    check(
        "just text",
        expect![[r#"
        ! file: no mail message
    "#]],
    );
}

//! The letters: a head that declares, a text part, and a real PDF whose page says whom the letter is about, made as
//! heavy as wanted by bytes that do not compress (in real letters: fonts and pictures).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How heavy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 10 KiB in all.
    Small,
    /// 200 KiB in all.
    Large,
    /// 49 MiB in all: just below what is taken.
    Huge,
}

/// What does not change from letter to letter: the body after the head.
pub struct Body(Vec<u8>);

impl Size {
    /// As the table names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "10 KiB",
            Self::Large => "200 KiB",
            Self::Huge => "49 MiB",
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Small => 10 << 10,
            Self::Large => 200 << 10,
            Self::Huge => 49 << 20,
        }
    }

    /// The body of such a letter.
    pub fn body(self) -> Body {
        // Of the wire's bytes 76 in 78 are base64, three bytes in four; the rest is the frame.
        let pdf_bytes = (self.bytes() - 900) / 78 * 57;
        let mut body = b"--road\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find our letter attached.\r\n\
            --road\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=letter.pdf\r\n\
            Content-Transfer-Encoding: base64\r\n\r\n"
            .to_vec();
        let mut at = 0;
        let text = STANDARD.encode(pdf(pdf_bytes));
        while at < text.len() {
            let end = (at + 76).min(text.len());
            body.extend_from_slice(&text.as_bytes()[at..end]);
            body.extend_from_slice(b"\r\n");
            at = end;
        }
        body.extend_from_slice(b"--road--\r\n");
        Body(body)
    }
}

impl Body {
    /// The same letter under a head of its own.
    pub fn letter(&self, from: &str, to: &str, number: usize) -> Vec<u8> {
        let head = format!(
            "X-Road: {number:08}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\
             Message-ID: <road-{number}@harbour.example>\r\n\
             Subject: [nhs 999 526 0182] [for direct-care] [holds clinical-letter] Clinic letter\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"road\"\r\n\r\n"
        );
        let mut letter = head.into_bytes();
        letter.extend_from_slice(&self.0);
        letter
    }
}

/// A PDF of one page of text, and a stream beside it that fills it up to about `bytes`.
fn pdf(bytes: usize) -> Vec<u8> {
    let page = "BT /F1 12 Tf 72 720 Td (Clinic letter about Amina Yorke) Tj 0 -20 Td (NHS number 999 526 0182) Tj ET";
    let objects: [Vec<u8>; 5] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
          /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_vec(),
        stream(page.as_bytes()),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
    ];
    let filler = stream(&noise(bytes.saturating_sub(1_000)));
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().chain([&filler]).enumerate() {
        places.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes());
    for place in &places {
        file.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    let size = places.len() + 1;
    file.extend_from_slice(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    file
}

fn stream(bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<< /Length {} >>\nstream\n", bytes.len()).into_bytes();
    object.extend_from_slice(bytes);
    object.extend_from_slice(b"\nendstream");
    object
}

/// The same bytes in every run, and none that compress: xorshift64 (Marsaglia 2003).
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

//! Feeds of any size, and what reading them takes.

/// A feed whose records are those of a file over and over: `head record… tail`.
pub(crate) struct Repeated {
    head: Vec<u8>,
    body: Vec<u8>,
    separator: Vec<u8>,
    tail: Vec<u8>,
    times: usize,
}

impl Repeated {
    pub(crate) fn of(file: &[u8], bytes: usize) -> Self {
        let json = file.trim_ascii_start().starts_with(b"[");
        let xml = file.trim_ascii_start().starts_with(b"<").then(|| {
            let text = std::str::from_utf8(file).unwrap();
            let (begin, end) = (text.find("<item").unwrap(), text.rfind("</item>").unwrap() + "</item>".len());
            (file[..begin].to_vec(), file[begin..end].to_vec(), b"\n".to_vec(), file[end..].to_vec())
        });
        let (head, body, separator, tail) = if let Some(parts) = xml {
            parts
        } else if json {
            let inner = file.trim_ascii();
            (b"[".to_vec(), inner[1..inner.len() - 1].to_vec(), b",".to_vec(), b"]".to_vec())
        } else {
            let header = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            (file[..header].to_vec(), file[header..].to_vec(), Vec::new(), Vec::new())
        };
        let times = (bytes / body.len()).max(1);
        Self { head, body, separator, tail, times }
    }

    pub(crate) fn size(&self) -> usize {
        self.head.len() + self.body.len() * self.times + self.separator.len() * (self.times - 1) + self.tail.len()
    }

    /// The feed in pieces, made as they are asked for.
    pub(crate) fn pieces(&self, piece: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
        let mut parts = std::iter::once(self.head.as_slice())
            .chain((0..self.times).flat_map(move |time| {
                let separator = if time == 0 { [].as_slice() } else { self.separator.as_slice() };
                [separator, self.body.as_slice()]
            }))
            .chain([self.tail.as_slice()]);
        let mut rest: &[u8] = &[];
        std::iter::from_fn(move || {
            let mut full = Vec::with_capacity(piece);
            while full.len() < piece {
                if rest.is_empty() {
                    let Some(next) = parts.next() else { break };
                    rest = next;
                    continue;
                }
                let take = rest.len().min(piece - full.len());
                full.extend_from_slice(&rest[..take]);
                rest = &rest[take..];
            }
            (!full.is_empty()).then_some(full)
        })
    }
}

/// Seconds this thread has spent on a CPU.
pub(crate) fn on_cpu() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(status.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

/// The most memory this process ever had, in kB.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};

/// What is said beside the result, on standard error.
pub(crate) struct Talk {
    quiet: bool,
}

impl Talk {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Something the user should know; not when quiet.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            // Where nobody listens any more there is nobody to tell.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Something that went wrong but did not stop the command.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        let _ = writeln!(io::stderr(), "warning: {text}");
    }

    /// Why the command failed, with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let _ = writeln!(io::stderr(), "error: {}", causes.join(": "));
    }

    /// A bar over `bytes` of input; nothing where standard error is no terminal.
    pub(crate) fn progress(&self, bytes: u64) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}");
        ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

/// Whether the failure is that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// A line of the result, on standard output.
///
/// # Errors
/// When nobody reads it.
pub(crate) fn result(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

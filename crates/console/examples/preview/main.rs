//! A made-up site behind the real console, to work on the web interface without a plant:
//! `cargo run -p console --example preview [PORT]`.

#![allow(clippy::print_stderr, reason = "the links are what whoever starts it waits for")]

mod process;
mod runs;
mod site;
mod story;

use site::Site;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

fn main() -> Result<(), console::Error> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8090);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(preview(port))
}

async fn preview(port: u16) -> Result<(), console::Error> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let at = listener.local_addr()?;
    let site = Arc::new(Site::new());
    for (who, token) in site.links() {
        eprintln!("{who}: http://{at}/login#{token}");
    }
    let ticking = site.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            ticking.tick();
        }
    });
    console::serve(listener, site, std::future::pending()).await
}

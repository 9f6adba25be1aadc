//! A network of its own, by either program.

use std::net::TcpListener;

use runtime::{Error, Failure, Network, Port, RunOptions, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::lab::{end, shell, stories};

/// Asks what listens on a port of this computer, until it does.
async fn ask(port: u16) -> String {
    for _ in 0..3000 {
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)).await {
            let mut answer = String::new();
            let asked = socket.write_all(b"GET /hostname HTTP/1.0\r\n\r\n").await;
            if asked.is_ok()
                && socket.read_to_string(&mut answer).await.is_ok()
                && !answer.is_empty()
            {
                return answer;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    "no answer".to_owned()
}

stories! {
    async fn ports_lead_in_by_either_program(lab: Lab) {
        let can_open = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok();
        for pasta in [true, false] {
            let mut programs = lab.runtime.programs().clone();
            assert!(programs.pasta.is_some() && programs.slirp4netns.is_some(), "both are installed");
            if !pasta {
                programs.pasta = None;
            }
            let runtime: Runtime = lab.runtime.clone().with_programs(programs);
            let port = testkit::free_port();
            let options = RunOptions {
                network: Network::Private,
                ports: Port::parse(&format!("127.0.0.1:{port}:80")).expect("it is one"),
                hostname: Some("served".to_owned()),
                ..shell("ls /sys/class/net; cat /etc/resolv.conf; exec httpd -f -p 80 -h /etc")
            };
            let started = Box::pin(runtime.start(lab.start_of(&options))).await;
            if !can_open {
                let error = started.err().expect("the device is closed");
                assert!(matches!(error, Error::Failure(Failure::Network { .. })), "{error}");
                continue;
            }
            let running = started.expect("starts");
            let answer = ask(port).await;
            running.control().signal(9).await.expect("is there");
            let outcome = end(running).await;
            assert!(answer.ends_with("served\n"), "pasta {pasta}: {answer} {outcome:?}");
            assert!(outcome.output.contains("nameserver"), "{outcome:?}");
            let taken = TcpListener::bind(("127.0.0.1", port));
            assert!(taken.is_ok(), "the port is free again");
        }
    }
}

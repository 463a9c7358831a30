//! Bodies that are too large, and clients that are too slow.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::running::{Running, client};

fn small(config: &mut rollcall_runtime::Config) {
    config.http.body_bytes = 1000;
    config.http.header_seconds = 1;
    config.http.body_seconds = 1;
}

/// Sends a body of `length` bytes without saying so before.
async fn stream(running: &Running, length: usize) -> String {
    let chunks = "1\r\nx\r\n".repeat(length);
    let head = "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stall_after(running, &format!("{head}{chunks}0\r\n\r\n")).await
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_announced_or_streamed() {
    let running = Running::start_with(small, Vec::new()).await;
    let announced = async |length| client().post(running.url("/size")).body(vec![0; length]).send().await.unwrap();
    assert_eq!(announced(1000).await.text().await.unwrap(), "1000");
    assert_eq!(announced(1001).await.status(), 413);
    assert!(stream(&running, 1000).await.starts_with("HTTP/1.1 200"));
    assert!(stream(&running, 1001).await.starts_with("HTTP/1.1 413"));
    running.stopped().await;
}

#[tokio::test]
async fn who_sends_far_too_much_still_gets_to_read_the_413() {
    let running = Running::start_with(small, Vec::new()).await;
    for _ in 0..5 {
        let answer = client().post(running.url("/size")).body(vec![0; 20_000_000]).send().await.unwrap();
        assert_eq!(answer.status(), 413);
    }
    running.stopped().await;
}

/// Sends `text`, then nothing, and reads what the server says to that.
async fn stall_after(running: &Running, text: &str) -> String {
    let mut connection = TcpStream::connect(running.address).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let length = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn who_stalls_in_the_head_or_in_the_body_is_told_408() {
    let running = Running::start_with(small, Vec::new()).await;
    let head = stall_after(&running, "GET /people/ada HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    assert!(head.starts_with("HTTP/1.1 408"), "{head}");
    let body = stall_after(&running, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    running.stopped().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_reads_nothing_of_an_answer_is_cut_off() {
    let running = Running::start_with(|config| config.http.write_seconds = 1, Vec::new()).await;
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.entered.notified().await;
    let mut answer = vec![0; 1024 * 1024];
    let ended = loop {
        match client.read(&mut answer).await {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error.kind()),
        }
    };
    assert!(matches!(ended, None | Some(std::io::ErrorKind::ConnectionReset)), "{ended:?}");
    running.stopped().await;
}

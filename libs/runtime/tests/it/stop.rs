//! Stopping: what is under way is finished, and nothing else is waited for.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::running::{Running, client};

#[tokio::test]
async fn a_request_that_is_under_way_is_answered_before_the_end() {
    let mut running = Running::start().await;
    let request = tokio::spawn(client().get(running.url("/wait")).send());
    running.entered.notified().await;
    running.ask_to_stop();
    running.release.notify_one();
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
    let address = running.address;
    running.stopped().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    // Kept open by the client for longer than the server would wait for a request.
    let patient = |config: &mut rollcall_runtime::Config| config.http.shutdown_seconds = 3600;
    let running = Running::start_with(patient, Vec::new()).await;
    let mut connection = TcpStream::connect(running.address).await.unwrap();
    connection.write_all(b"GET /people/ada HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(connection.read(&mut answer).await.unwrap() > 0);
    running.stopped().await;
    drop(connection);
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_in_the_end() {
    let impatient = |config: &mut rollcall_runtime::Config| config.http.shutdown_seconds = 0;
    let running = Running::start_with(impatient, Vec::new()).await;
    let request = tokio::spawn(client().get(running.url("/wait")).send());
    running.entered.notified().await;
    running.stopped().await;
    assert!(request.await.unwrap().is_err());
}

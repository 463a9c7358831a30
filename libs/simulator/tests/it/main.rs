//! The simulator against a server that answers from a script. (Against the real one: `tests/blackbox`.)
#![allow(clippy::unwrap_used)] // a test that cannot go on may stop

use std::sync::{Arc, Mutex};

use rollcall_base::SecretText;
use rollcall_simulator::{
    Client, DifferenceKind, GroupUpdates, OnWait, Options, Progress, Report, SimulatorError, Step, simulate,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const EMPTY_LIST: &str = r#"{"totalResults":0,"Resources":[]}"#;

/// Answers each request with the next of `answers` (status, headers, body), the last one for ever; keeps the requests.
async fn serve(answers: Vec<(u16, &'static str, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scim/demo/d/v2", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut next = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                let mut chunk = [0; 4096];
                let read = stream.read(&mut chunk).await.unwrap();
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&chunk[..read]);
            }
            let (status, headers, body) = answers[next.min(answers.len() - 1)];
            next += 1;
            log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
            stream.write_all((head + body).as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    (url, seen)
}

async fn run(client: Client, url: &str) -> Result<Report, SimulatorError> {
    let mut options = Options::new(client, url.to_owned(), SecretText::new("rct_secret".to_owned()));
    (options.users, options.groups, options.cycles) = (0, 0, 0);
    simulate(options, &mut |_| ()).await
}

#[tokio::test]
async fn a_refused_token_is_told_with_what_to_do() {
    let (url, _) = serve(vec![(401, "", "{}")]).await;
    let error = run(Client::Okta, &url).await.unwrap_err().to_string();
    assert!(error.contains("refused") && error.contains("token issue") && !error.contains("rct_secret"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_address_is_told_with_the_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = run(Client::Okta, &format!("http://{free}/scim/v2")).await.unwrap_err();
    assert!(matches!(error, SimulatorError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&free.to_string()), "{error}");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it() {
    let busy = (503, "Retry-After: 0\r\n", "");
    let (url, seen) = serve(vec![busy, (429, "Retry-After: 0\r\n", ""), (200, "", EMPTY_LIST)]).await;
    let report = run(Client::EntraId, &url).await.unwrap();
    assert_eq!((report.measured.retries, report.differences.len()), (2, 0));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], seen[2], "the same request again");
    assert!(seen[0].starts_with("GET /scim/demo/d/v2/Users?filter=userName+eq+%22"), "{}", seen[0]);
}

#[tokio::test]
async fn the_first_wait_of_a_run_is_told_and_no_other() {
    let frozen = (503, "Retry-After: 0\r\n", r#"{"detail":"The directory is frozen."}"#);
    let (url, _) = serve(vec![frozen, (429, "Retry-After: 0\r\n", ""), (200, "", EMPTY_LIST)]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let mut options = Options::new(Client::EntraId, url, SecretText::new("rct_secret".to_owned()));
    (options.users, options.groups, options.cycles) = (0, 0, 0);
    options.on_wait = Some(OnWait::new(move |waiting| log.lock().unwrap().push(waiting.to_string())));
    let report = simulate(options, &mut |_| ()).await.unwrap();
    assert_eq!(report.measured.retries, 2);
    let expected = "GET /Users was answered with 503: The directory is frozen. Sent again in 0 s.";
    assert_eq!(*told.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn patience_has_an_end() {
    let (url, _) = serve(vec![(503, "Retry-After: 0\r\n", "")]).await;
    let error = run(Client::EntraId, &url).await.unwrap_err().to_string();
    assert!(error.contains("put off 8 times"), "{error}");
}

#[tokio::test]
async fn another_error_shows_the_servers_words_and_no_query() {
    let (url, _) = serve(vec![(400, "", r#"{"detail":"the filter is wrong at column 3"}"#)]).await;
    let error = run(Client::EntraId, &url).await.unwrap_err().to_string();
    assert_eq!(error, "GET /Users was answered with 400: the filter is wrong at column 3");
}

#[tokio::test]
async fn a_web_page_is_not_taken_for_a_directory() {
    let (url, _) = serve(vec![(200, "", "<html>")]).await;
    assert!(matches!(run(Client::CyberArk, &url).await, Err(SimulatorError::NotScim { .. })));
}

#[tokio::test]
async fn a_run_can_be_moved_between_threads_and_tells_its_steps() {
    let (url, seen) = serve(vec![(200, "", EMPTY_LIST)]).await;
    let steps = tokio::spawn(async move {
        let mut options = Options::new(Client::Okta, url, SecretText::new("rct_secret".to_owned()));
        (options.users, options.groups) = (0, 0);
        let mut steps = Vec::new();
        simulate(options, &mut |Progress { step, .. }| steps.push(step)).await.unwrap();
        steps.dedup();
        steps
    });
    let (import, cycle) = (Step::Importing, Step::Cycle(1));
    let begin =
        [Step::Connecting, Step::Users, Step::Groups, Step::Memberships, import, cycle, import, Step::Verifying];
    assert_eq!(steps.await.unwrap(), begin);
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("user-agent: Okta SCIM Client 1.0.0"), "{}", seen[0]);
    assert!(seen[0].contains("authorization: Bearer rct_secret"), "{}", seen[0]);
}

#[tokio::test]
async fn entras_flag_goes_with_every_request() {
    let (url, seen) = serve(vec![(200, "", EMPTY_LIST)]).await;
    run(Client::EntraIdOptscim, &format!("{url}?aadOptscim062020")).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("GET /scim/demo/d/v2/Users?aadOptscim062020&filter=userName+eq+%22"), "{}", seen[0]);
    assert!(seen.iter().all(|request| request.contains("?aadOptscim062020")));
}

#[tokio::test]
async fn what_the_client_cannot_do_is_told_before_anything_is_sent() {
    let token = || SecretText::new("rct_secret".to_owned());
    let wrong = |client, adjust: fn(&mut Options)| {
        let mut options = Options::new(client, "http://127.0.0.1:1/v2".to_owned(), token());
        adjust(&mut options);
        async { simulate(options, &mut |_| ()).await.unwrap_err().to_string() }
    };
    let error = wrong(Client::PingFederate, |options| options.threads = Some(6)).await;
    assert!(error.contains("ping-federate") && error.contains("1 to 5 threads"), "{error}");
    let error = wrong(Client::Okta, |options| options.group_updates = Some(GroupUpdates::Put)).await;
    assert!(error.contains("okta") && error.contains("pingone"), "{error}");
    let error = wrong(Client::Okta, |options| options.users = 200_001).await;
    assert_eq!(error, "users are between 0 and 200000");
}

#[tokio::test]
async fn a_user_who_is_refused_is_told_and_the_run_goes_on() {
    let refusal = (400, "", r#"{"detail":"userName is missing"}"#);
    let list = (200, "", EMPTY_LIST);
    // The connection test, whether the company was here, the lookup, the create; then empty lists for ever.
    let (url, _) = serve(vec![list, list, list, list, refusal, list]).await;
    let mut options = Options::new(Client::EntraId, url, SecretText::new("rct_secret".to_owned()));
    (options.users, options.groups, options.cycles) = (1, 0, 0);
    let report = simulate(options, &mut |_| ()).await.unwrap();
    let kinds: Vec<_> = report.differences.iter().map(|difference| difference.kind).collect();
    assert_eq!(kinds, [DifferenceKind::Refused, DifferenceKind::UserMissing], "{report}");
    assert_eq!(report.differences[0].detail, "POST /Users was answered with 400: userName is missing");
}

//! Bodies that come slowly, or are read slowly.

use super::*;

#[actix_web::test]
async fn while_one_waits_for_its_body_or_is_read_slowly_the_next_of_its_tenant_is_worked_on() {
    let (scene, token) = crowded().await;
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let routes = |config: &mut web::ServiceConfig| {
        let read = async |body: Bytes| HttpResponse::Ok().body(body);
        config.route("/Users", web::to(read)).route("/slow", web::to(never));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    let body = stream::unfold(receiver, async |mut receiver| Some((Ok(receiver.recv().await?), receiver)));
    let (slow, _) = request("/scim/v2/Users", &token).to_request().replace_payload(Payload::from(
        Box::pin(body) as std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, PayloadError>>>>
    ));
    let slow = actix_web::rt::spawn(app.call(slow));
    settle().await;
    assert_eq!(scene.count("rollcall_requests_in_flight", &[]), 1.0);
    let quick = app.call(request("/scim/v2/Users", &token).to_request()).await.unwrap();
    assert_eq!(quick.status(), StatusCode::OK);
    // Its answer is not read, and nobody waits for that either.
    let busy = actix_web::rt::spawn(app.call(request("/scim/v2/slow", &token).to_request()));
    settle().await;
    assert_eq!(scene.count("rollcall_requests_in_flight", &[]), 3.0);
    sender.send(Bytes::from_static(b"{}")).unwrap();
    drop(sender);
    settle().await;
    assert!(!slow.is_finished() && !busy.is_finished(), "its body is there, and its turn is not");
    drop((quick, slow));
}

#[actix_web::test]
async fn an_answer_of_which_nothing_is_taken_for_a_while_is_given_up() {
    let scene = Scene::new(Limits { write_within: Duration::from_secs(60), ..Limits::default() });
    let (_, token) = scene.directory("acme", "one");
    let routes = |config: &mut web::ServiceConfig| {
        let endless = async || {
            let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x")));
            HttpResponse::Ok().streaming(pieces)
        };
        config.route("/Users", web::to(endless));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    let under_way = || scene.count("rollcall_requests_in_flight", &[]);
    tokio::time::pause();
    let answer = app.call(request("/scim/v2/Users", &token).to_request()).await.unwrap();
    let mut body = answer.map_into_boxed_body().into_body();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(59)).await;
        let piece = poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await;
        assert!(piece.unwrap().is_ok());
    }
    assert_eq!(under_way(), 1.0);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(under_way(), 0.0);
    let piece = poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await;
    assert!(piece.unwrap().is_err(), "what was sent is not the whole");
}

#[actix_web::test]
async fn a_long_answer_that_is_read_slowly_all_the_time_is_read_to_its_end() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let scene = Scene::new(Limits { write_within: Duration::from_secs(60), ..Limits::default() });
    let (_, token) = scene.directory("acme", "one");
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/Users", web::to(async || HttpResponse::Ok().body("x".repeat(LENGTH))));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    tokio::time::pause();
    let answer = app.call(request("/scim/v2/Users", &token).to_request()).await.unwrap();
    let mut body = answer.map_into_boxed_body().into_body();
    let next = async |body: &mut actix_web::body::BoxBody| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        poll_fn(|context| std::pin::Pin::new(&mut *body).poll_next(context)).await
    };
    let mut read = 0;
    while read < LENGTH {
        let piece = next(&mut body).await.unwrap().unwrap();
        assert!(piece.len() <= 64 * 1024, "what is handed over at once is what is known of the client's reading");
        read += piece.len();
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(scene.count("rollcall_requests_in_flight", &[]), 0.0);
    assert!(next(&mut body).await.is_none(), "all was handed over: nothing is taken back");
}

#[actix_web::test]
async fn long_answers_that_nobody_reads_are_held_up_to_a_bound_and_one_alone_always_is() {
    const LENGTH: usize = 1024 * 1024;
    let scene = Scene::new(Limits { unsent_bytes: 3 * LENGTH as u64, ..Limits::default() });
    let ((_, token), (_, other)) = (scene.directory("acme", "one"), scene.directory("other", "one"));
    let routes = |config: &mut web::ServiceConfig| {
        let long = async |body: Bytes| HttpResponse::Ok().body("x".repeat(body.len().max(1) * LENGTH));
        config
            .route("/Users", web::to(long))
            .route("/short", web::to(async || HttpResponse::Ok().body("x".repeat(1024))));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    let ask = async |method: Method, path: &str, token: &str, times: usize| {
        let asked = request(path, token).method(method).set_payload("x".repeat(times)).to_request();
        app.call(asked).await.unwrap().map_into_boxed_body()
    };
    let read = async |token: &str| ask(Method::GET, "/scim/v2/Users", token, 1).await;
    let mut unread = [read(&token).await, read(&token).await, read(&token).await];
    assert!(unread.iter().all(|answer| answer.status() == StatusCode::OK));
    let refused = read(&token).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(RETRY_AFTER));
    assert_eq!(scene.count("rollcall_limited_requests_total", &["unsent_answers", "scim"]), 1.0);
    assert_eq!(
        ask(Method::POST, "/scim/v2/Users", &token, 1).await.status(),
        StatusCode::OK,
        "a change is made: it is told"
    );
    assert_eq!(ask(Method::GET, "/scim/v2/short", &token, 0).await.status(), StatusCode::OK);
    assert_eq!(read(&other).await.status(), StatusCode::OK, "another tenant has its own room");
    let [first, ..] = &mut unread;
    *first = ask(Method::GET, "/scim/v2/short", &token, 0).await;
    assert_eq!(read(&token).await.status(), StatusCode::OK, "what is gone makes room");
    drop(unread);
    let one_alone = ask(Method::GET, "/scim/v2/Users", &token, 5).await;
    assert_eq!(one_alone.status(), StatusCode::OK);
}
